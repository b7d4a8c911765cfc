/** Why a request to the endpoint failed. Stable: callers match on it. */
export type DriaErrorCode =
  | 'NoNodesAvailable'
  | 'RateLimited'
  | 'NodeTimeout'
  | 'ServerError'
  | 'NetworkError'
  | 'BadResponse'
  | 'InvalidOutput'
  | 'InvalidRequest'
  | 'ModalityRefused'
  | 'InvalidAttachment'
  | 'Unauthorized'
  | 'PaymentRequired';

/** What a {@link DriaError} carries. */
export interface DriaErrorFacts {
  readonly code: DriaErrorCode;
  /** One line, for a user; never holds the API key. */
  readonly message: string;
  /** The HTTP status, or the status inside a 200 that holds an error. Absent when there was no answer. */
  readonly status?: number | undefined;
  /** What the endpoint asked to wait before the next try, ms, 0 to 60,000. */
  readonly retryAfterMs?: number | undefined;
  /** `usage.total_tokens` of an answer that came but is no good. */
  readonly tokens?: number | undefined;
  /** True for an answer with nothing in it. */
  readonly isEmpty?: boolean | undefined;
  readonly cause?: unknown;
}

/** In the global registry, so that an error is known across copies of this package. */
const MARKER = Symbol.for('dria-temporal.DriaError');

/** A failed request to the endpoint. Recognise it with {@link isDriaError}, not with `instanceof`. */
export class DriaError extends Error {
  override readonly name = 'DriaError';
  readonly [MARKER] = true;
  readonly code: DriaErrorCode;
  // Declared only: absent, and not undefined, when there is none.
  declare readonly status?: number;
  declare readonly retryAfterMs?: number;
  declare readonly tokens?: number;
  declare readonly isEmpty?: boolean;

  constructor(facts: DriaErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    if (facts.status !== undefined) this.status = facts.status;
    if (facts.retryAfterMs !== undefined) this.retryAfterMs = facts.retryAfterMs;
    if (facts.tokens !== undefined) this.tokens = facts.tokens;
    if (facts.isEmpty !== undefined) this.isEmpty = facts.isEmpty;
  }
}

/** True for a {@link DriaError} of any copy of this package. */
export function isDriaError(error: unknown): error is DriaError {
  return typeof error === 'object' && error !== null && MARKER in error;
}

/** The kind that stands before the colon when there is no HTTP error status to show. */
const KINDS: Readonly<Partial<Record<DriaErrorCode, string>>> = {
  NodeTimeout: 'timeout',
  NetworkError: 'network',
  BadResponse: 'bad response',
  InvalidOutput: 'invalid output',
  InvalidRequest: 'invalid request',
  InvalidAttachment: 'attachment',
  Unauthorized: 'unauthorized',
};

/**
 * An error as a user sees it and as output lines have it: `<status or kind>: <message>`, for instance
 * `503: no nodes available`, `timeout: no answer within 120 s`, `network: connection refused (127.0.0.1:9)`.
 */
export function describeError(error: unknown): string {
  if (!isDriaError(error)) return `error: ${oneLine(error instanceof Error ? error.message : String(error))}`;
  const kind = error.status !== undefined && error.status >= 300 ? error.status : (KINDS[error.code] ?? error.code);
  return `${kind}: ${error.message}`;
}

/** Characters of a server's text that an error keeps. */
const MESSAGE_LENGTH = 300;

/**
 * Text from outside made fit for a message: one line, no control or formatting characters (which could rewrite a
 * terminal), `secret` replaced wherever it stands, and clipped to 300 characters.
 */
export function oneLine(text: string, secret?: string): string {
  const scrubbed = secret === undefined || secret === '' ? text : scrub(text, secret);
  const line = scrubbed
    // A body can be megabytes; the characters that are left out below are never so many in an honest one.
    .slice(0, 20 * MESSAGE_LENGTH)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, ' ')
    .trim();
  const characters = [...line];
  return characters.length <= MESSAGE_LENGTH ? line : `${characters.slice(0, MESSAGE_LENGTH - 1).join('')}…`;
}

function scrub(text: string, secret: string): string {
  const escaped = JSON.stringify(secret).slice(1, -1);
  return [secret, escaped, encodeURIComponent(secret)].reduce((rest, form) => rest.replaceAll(form, '***'), text);
}
