/**
 * What kind of trouble an embedded server has:
 * `BINARY` no usable `temporal` program · `DATA_DIR` the data directory cannot be used · `DISK_FULL` ·
 * `NEWER_DATABASE` the database was written by a newer server than the program at hand ·
 * `START_FAILED` everything else that keeps the server from answering.
 */
export type EmbeddedServerErrorCode = 'BINARY' | 'DATA_DIR' | 'DISK_FULL' | 'NEWER_DATABASE' | 'START_FAILED';

const CODES: readonly string[] = [
  'BINARY',
  'DATA_DIR',
  'DISK_FULL',
  'NEWER_DATABASE',
  'START_FAILED',
] satisfies EmbeddedServerErrorCode[];

/** Why there is no embedded server. The message says what happened, where, and what to do about it. */
export class EmbeddedServerError extends Error {
  override readonly name = 'EmbeddedServerError';
  constructor(
    readonly code: EmbeddedServerErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether a text is one of the error codes; for codes that come from another process. */
export function isEmbeddedServerErrorCode(text: string): text is EmbeddedServerErrorCode {
  return CODES.includes(text);
}

/** An error's message, with its cause's (`fetch failed: connect ECONNREFUSED …`); or the thrown thing as text. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
