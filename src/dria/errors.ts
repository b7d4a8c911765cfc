import { type Secrets, scrub } from './secrets.js';

/** Whose fault an error is. Only a fault of the item may fail the item. */
export type Fault = 'item' | 'attempt' | 'target' | 'endpoint' | 'request';

/** Why a request to the endpoint failed. Stable: callers match on it. */
export type DriaErrorCode =
  | 'NoNodesAvailable'
  | 'ModelUnavailable'
  | 'TargetUnavailable'
  | 'ModalityRefused'
  | 'RateLimited'
  | 'NodeTimeout'
  | 'ServerError'
  | 'NetworkError'
  | 'EndpointUnavailable'
  | 'BadResponse'
  | 'InvalidOutput'
  | 'InvalidRequest'
  | 'InvalidAttachment'
  | 'RequestRefused'
  | 'Unauthorized'
  | 'PaymentRequired';

/** Whose fault a code is unless the facts of an error name another. */
const FAULTS: Readonly<Record<DriaErrorCode, Fault>> = {
  NoNodesAvailable: 'target',
  ModelUnavailable: 'target',
  TargetUnavailable: 'target',
  ModalityRefused: 'target',
  RateLimited: 'target',
  NodeTimeout: 'attempt',
  ServerError: 'attempt',
  NetworkError: 'attempt',
  EndpointUnavailable: 'endpoint',
  BadResponse: 'attempt',
  InvalidOutput: 'attempt',
  InvalidRequest: 'item',
  InvalidAttachment: 'item',
  RequestRefused: 'request',
  Unauthorized: 'endpoint',
  PaymentRequired: 'endpoint',
};

/** What a {@link DriaError} carries. */
export interface DriaErrorFacts {
  readonly code: DriaErrorCode;
  /** Default: the fault that the code stands for. */
  readonly fault?: Fault | undefined;
  /** One line, for a user; never holds the API key. */
  readonly message: string;
  /** The message for whoever may not see prompts and answers: without what it quotes of them. Default: the message. */
  readonly shown?: string | undefined;
  /** HTTP status, or the status inside a body that holds an error. Absent if there was no answer. */
  readonly status?: number | undefined;
  /** Wait before the next try (ms), 0 to 24 h. */
  readonly retryAfterMs?: number | undefined;
  /** Tokens that an answer which is no good has cost. */
  readonly tokens?: number | undefined;
  /** True for an answer with nothing in it. */
  readonly isEmpty?: boolean | undefined;
  /** Text of a whole answer that does not satisfy the schema. */
  readonly answer?: string | undefined;
  /** True for a fault of the item that might be the target's: it refused an item with an attachment and has answered none. */
  readonly isUnclear?: boolean | undefined;
  /** True if no request was sent: the circuit breaker or the gate refused it. */
  readonly unsent?: boolean | undefined;
  readonly cause?: unknown;
}

/** In the global registry, so that an error is recognised across copies of this package. */
const MARKER = Symbol.for('dria-temporal.DriaError');

/** A failed request to the endpoint. Recognise it with {@link isDriaError}, not with `instanceof`. */
export class DriaError extends Error {
  override readonly name = 'DriaError';
  readonly [MARKER] = true;
  readonly code: DriaErrorCode;
  readonly fault: Fault;
  // Declared only: absent, and not undefined, when there is none.
  declare readonly shown?: string;
  declare readonly status?: number;
  declare readonly retryAfterMs?: number;
  declare readonly tokens?: number;
  declare readonly isEmpty?: boolean;
  declare readonly answer?: string;
  declare readonly isUnclear?: boolean;
  declare readonly unsent?: boolean;

  constructor({ code, fault = FAULTS[code], message, cause, ...rest }: DriaErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.fault = fault;
    for (const [name, value] of Object.entries(rest)) {
      if (value !== undefined && value !== false) Object.assign(this, { [name]: value });
    }
  }
}

/** True for a {@link DriaError} of any copy of this package. */
export function isDriaError(error: unknown): error is DriaError {
  return typeof error === 'object' && error !== null && MARKER in error;
}

/** Returns the error with some of its facts changed. */
export function changedError(error: DriaError, changes: Partial<DriaErrorFacts>): DriaError {
  const { code, fault, message, shown, status, retryAfterMs, tokens, isEmpty, answer, isUnclear, unsent, cause } =
    error;
  const facts = {
    code,
    fault,
    message,
    shown,
    status,
    retryAfterMs,
    tokens,
    isEmpty,
    answer,
    isUnclear,
    unsent,
    cause,
  };
  return new DriaError({ ...facts, ...changes });
}

/** The kind that stands before the colon when there is no HTTP error status to show. */
const KINDS: Readonly<Partial<Record<DriaErrorCode, string>>> = {
  TargetUnavailable: 'unavailable',
  ModelUnavailable: 'unavailable',
  NodeTimeout: 'timeout',
  NetworkError: 'network',
  EndpointUnavailable: 'network',
  BadResponse: 'bad response',
  InvalidOutput: 'invalid output',
  InvalidRequest: 'invalid request',
  RequestRefused: 'invalid request',
  InvalidAttachment: 'attachment',
  Unauthorized: 'unauthorized',
  PaymentRequired: 'no credits',
  RateLimited: 'rate limited',
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

/** {@link describeError} for histories and other places where prompts and answers do not belong. */
export function describeShown(error: DriaError): string {
  return describeError(error.shown === undefined ? error : changedError(error, { message: error.shown }));
}

/** Characters of a server's text that an error keeps. */
const MESSAGE_LENGTH = 300;

/**
 * Text from outside made fit for a message: one line, no control or formatting characters (which could rewrite a
 * terminal), secrets replaced wherever they stand, and clipped to 300 characters.
 */
export function oneLine(text: string, secrets?: Secrets): string {
  const line = scrub(text, secrets)
    // A body can be megabytes; the characters that are left out below are never so many in an honest one.
    .slice(0, 20 * MESSAGE_LENGTH)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, ' ')
    .trim();
  const characters = [...line];
  return characters.length <= MESSAGE_LENGTH ? line : `${characters.slice(0, MESSAGE_LENGTH - 1).join('')}…`;
}
