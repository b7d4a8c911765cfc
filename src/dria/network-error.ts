import { errors } from 'undici';
import { DriaError, oneLine } from './errors.js';
import { isObject } from './json.js';

/** Words for the codes that Node and undici give. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed by the server',
  UND_ERR_SOCKET: 'connection closed by the server',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host name not resolved for now',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  UND_ERR_DESTROYED: 'the endpoint was closed',
  UND_ERR_CLOSED: 'the endpoint was closed',
};

/**
 * The typed error for what undici gives when there is no whole answer: connections refused, reset or cut, DNS, TLS.
 * An answer that is not HTTP is a `BadResponse`.
 */
export function networkError(cause: unknown, secret: string | undefined): DriaError {
  const root = rootCause(cause);
  const code = isObject(root) && typeof root.code === 'string' ? root.code : '';
  // Without the cause: undici's keeps the server's bytes, and those may hold the key.
  if (root instanceof errors.HTTPParserError) {
    return new DriaError({ code: 'BadResponse', message: 'the answer is not HTTP' });
  }
  const said = root instanceof Error ? root.message : String(root);
  const words = WORDS[code] ?? (said || code || 'request failed');
  return new DriaError({ code: 'NetworkError', message: oneLine(words + place(root), secret), cause });
}

/** The first error of several attempts (IPv6 and IPv4), or what a wrapping error was caused by. */
function rootCause(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0]);
  const known = isObject(error) && typeof error.code === 'string';
  return !known && error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error;
}

function place(error: unknown): string {
  if (!isObject(error)) return '';
  if (typeof error.address === 'string') {
    const address = error.address.includes(':') ? `[${error.address}]` : error.address;
    return typeof error.port === 'number' ? ` (${address}:${error.port})` : ` (${address})`;
  }
  return typeof error.hostname === 'string' ? ` (${error.hostname})` : '';
}
