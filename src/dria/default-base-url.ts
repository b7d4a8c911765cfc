/** Dria's own endpoint. */
export const DEFAULT_BASE_URL = 'https://inference.dria.co/v1';
