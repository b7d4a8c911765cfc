import { errors } from 'undici';
import { PROXY_BROKE_OFF } from './dispatcher.js';
import { DriaError, oneLine } from './errors.js';
import { isObject } from './json.js';
import type { Secrets } from './secrets.js';

/** Words for the codes that Node and undici give. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed by the server',
  UND_ERR_SOCKET: 'connection closed by the server',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host name not resolved for now',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENETDOWN: 'network down',
  [PROXY_BROKE_OFF]: 'it broke off when it was asked for a tunnel (CONNECT)',
};

const CLOSED: ReadonlySet<string> = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);
const TOO_MANY_FILES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);

/** How far an exchange had come when it broke. */
export interface Progress {
  /** Some of the answer had arrived. */
  readonly hasBegun: boolean;
}

/**
 * Returns the typed error for what undici gives when there is no whole answer. Before the first byte of an answer it is the
 * endpoint that is not there (refused, reset, DNS, TLS, proxy); after it, one attempt was cut off. An answer that is not
 * HTTP is a `BadResponse`.
 */
export function networkError(cause: unknown, secrets: Secrets, { hasBegun }: Progress): DriaError {
  const root = rootCause(cause);
  const code = isObject(root) && typeof root.code === 'string' ? root.code : '';
  // Without the cause: undici's keeps the server's bytes, and those may hold the key.
  if (root instanceof errors.HTTPParserError) {
    return new DriaError({ code: 'BadResponse', message: 'the answer is not HTTP' });
  }
  if (isUnasked(root)) {
    const message = 'the answer is none to this request: it says "100 Continue" or changes the protocol, unasked';
    return new DriaError({ code: 'BadResponse', message });
  }
  if (CLOSED.has(code)) {
    return new DriaError({ code: 'NetworkError', fault: 'endpoint', message: 'the endpoint was closed' });
  }
  if (TOO_MANY_FILES.has(code)) return tooManyFiles(code);
  const said = root instanceof Error ? root.message : String(root);
  const isOfProxy = isObject(root) && root.isOfProxy === true;
  const words = proxyWords(said) ?? WORDS[code] ?? tlsWords(code) ?? (said || code || 'request failed');
  const message = oneLine(`${isOfProxy ? `${PROXY}: ` : ''}${words}${place(root)}`, secrets);
  return new DriaError({ code: hasBegun ? 'NetworkError' : 'EndpointUnavailable', message, cause });
}

/** undici takes a `100 Continue` or a change of the protocol that was not asked for as the end of the connection. */
function isUnasked(root: unknown): boolean {
  return root instanceof errors.SocketError && /^bad (response|upgrade)$/.test(root.message);
}

const UNKNOWN_AUTHORITY =
  'its certificate is signed by no authority known here; NODE_EXTRA_CA_CERTS can name a file with further ones';

/** What is wrong with a certificate, by Node's codes. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is the clock right?',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
};

/** Words for what went wrong with TLS: OpenSSL's own texts are of its source code. */
function tlsWords(code: string): string | undefined {
  const certificate = CERTIFICATES[code];
  if (certificate !== undefined) return `${certificate} (${code})`;
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(code)) {
    return `what answers there speaks no TLS: is the address one of http:// and not of https://? (${code})`;
  }
  return /^(ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code) ? `the TLS handshake failed (${code})` : undefined;
}

/** True for the error of a process that has no file descriptor left. */
export function isTooManyFiles({ code, message }: DriaError): boolean {
  return code === 'NetworkError' && message.startsWith(TOO_MANY_FILES_WORDS);
}

const RESETS: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** True for the error of a connection that was there and broke: one of many may, on an endpoint that is well. */
export function isReset({ cause }: DriaError): boolean {
  const root = rootCause(cause);
  return isObject(root) && RESETS.has(root.code) && root.isOfProxy !== true;
}

const TOO_MANY_FILES_WORDS = 'too many open files in this process';

function tooManyFiles(code: string): DriaError {
  return new DriaError({
    code: 'NetworkError',
    fault: 'endpoint',
    message: `${TOO_MANY_FILES_WORDS} (${code}): fewer requests are sent at once from now on; raise "ulimit -n" for more`,
    retryAfterMs: 1000,
  });
}

const PROXY = 'the proxy of HTTPS_PROXY or HTTP_PROXY';

/** What undici says when a proxy opens no tunnel. */
function proxyWords(said: string): string | undefined {
  const status = /^Proxy response \((\d+)\) !== 200/.exec(said)?.[1];
  if (status !== undefined) return `${PROXY} opens no tunnel (it answers CONNECT with ${status})`;
  if (!/Proxy Authentication Required/i.test(said)) return undefined;
  return `${PROXY} wants a user name and password (407)`;
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
