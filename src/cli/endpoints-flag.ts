/** The flag that names the file of endpoints. */
export const ENDPOINTS_FLAG = [
  '--endpoints <file>',
  'Several endpoints, in TOML. Default: DRIA_TEMPORAL_ENDPOINTS.',
] as const;
