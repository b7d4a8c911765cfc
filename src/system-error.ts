/**
 * Returns the code of an error of the operating system, `ENOENT` for one; undefined for any other error. It need not be an
 * `Error` of this realm: in Jest those of Node's own modules are not.
 */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
