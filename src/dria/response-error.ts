import { STATUS_CODES } from 'node:http';
import { lacksVersion } from './base-url.js';
import { type Classification, classify, classifyBody, type ErrorContext, type HttpAnswer } from './classify.js';
import { readErrorValue } from './error-body.js';
import { DriaError, type DriaErrorFacts, isDriaError, oneLine } from './errors.js';
import { isObject, type JsonObject } from './json.js';
import { withoutQuotes } from './prompt-quotes.js';
import type { RequestField } from './request-profile.js';
import type { Headers } from './retry-after.js';
import type { Secrets } from './secrets.js';

/** What an error is made with, beyond the answer. */
export interface AnswerContext extends ErrorContext {
  /** Replaced in messages, should the server echo them. */
  readonly secrets?: Secrets;
  /** Named in hints. */
  readonly baseUrl?: string;
  /** The path below it that was asked. */
  readonly path?: string;
}

/** Kept beside the errors: the field matters to nobody but the endpoint, which sends the request again without it. */
const refusedFields = new WeakMap<DriaError, RequestField>();

/** Returns the field of the request whose refusal an error is. */
export function refusedFieldOf(error: unknown): RequestField | undefined {
  return isDriaError(error) ? refusedFields.get(error) : undefined;
}

/** What is said when the server says nothing, if the protocol's own phrase would not do. */
const PHRASES: ReadonlyMap<number, string> = new Map([
  [401, 'the API key was refused'],
  [402, 'out of credits'],
  [429, 'rate limited'],
  [503, 'no nodes available'],
  [504, 'the node timed out'],
]);

/** Returns the error for an HTTP answer that is not a 2xx. */
export function responseError(answer: HttpAnswer, context: AnswerContext): DriaError {
  return errorOf(classify(answer, context), answer, context);
}

/** True for a body, or a choice in it, that holds an error. */
export function holdsError(body: unknown): body is JsonObject {
  if (!isObject(body)) return false;
  const { object, error } = body;
  return object === 'error' || !(error === undefined || error === null || error === false || error === '');
}

/**
 * Returns the error inside a body that came with a 200, if it is one: `{"error": …}`, or vLLM's `{"object": "error", …}`.
 * A status in it (`code` or `status`, as routers in front of several providers send it) counts like the real one.
 */
export function errorInBody(body: unknown, headers: Headers, context: AnswerContext): DriaError | undefined {
  if (!holdsError(body)) return undefined;
  const error = body.object === 'error' ? body : body.error;
  const read = readErrorValue(error, JSON.stringify(error));
  const outer = body === error ? read : readErrorValue({ ...body, choices: undefined }, '');
  const status = read.status ?? outer.status;
  const answer = { status: 200, headers, text: '' };
  const found = classifyBody(answer, { ...read, status }, context);
  if (found.status !== 200) return errorOf(found, answer, context);
  const message = oneLine(`the answer is an error: ${found.said}`, context.secrets);
  return new DriaError({ code: 'BadResponse', status: 200, ...shownAndWhole(message, context) });
}

function errorOf(found: Classification, answer: HttpAnswer, context: AnswerContext): DriaError {
  const { code, fault, status, retryAfterMs, isUnclear, refusedField } = found;
  const words = shownAndWhole(messageOf(found, answer, context), context);
  const error = new DriaError({ code, fault, status, ...words, retryAfterMs, isUnclear });
  if (refusedField !== undefined) refusedFields.set(error, refusedField);
  return error;
}

/** Returns a message with its form for histories, if the server quotes the prompt or the system message in it. */
export function shownAndWhole(
  message: string,
  { prompt = '', system = '' }: Pick<ErrorContext, 'prompt' | 'system'>,
): Pick<DriaErrorFacts, 'message' | 'shown'> {
  const shown = withoutQuotes(withoutQuotes(message, prompt), system);
  return shown === message ? { message } : { message, shown };
}

function messageOf(
  { status, said, code, fault }: Classification,
  { headers }: HttpAnswer,
  context: AnswerContext,
): string {
  const { secrets, baseUrl, path } = context;
  if (status >= 300 && status < 400) {
    const target = typeof headers.location === 'string' ? ` to ${headers.location}` : '';
    return oneLine(`the endpoint redirects${target}: set the base URL to where it is`, secrets);
  }
  const words = oneLine(said, secrets) || (PHRASES.get(status) ?? STATUS_CODES[status]?.toLowerCase() ?? 'no message');
  if (code === 'InvalidOutput' && fault === 'item') return oneLine(`${words}: raise --max-tokens`, secrets);
  if (code !== 'EndpointUnavailable' || (status !== 404 && status !== 405) || baseUrl === undefined) return words;
  return oneLine(`${words} (${wrongPathHint(baseUrl, path)})`, secrets);
}

/** What to look at when a path is not there. */
export function wrongPathHint(baseUrl: string, path = '/chat/completions'): string {
  if (lacksVersion(baseUrl)) return `is the base URL ${baseUrl}/v1?`;
  return path === '/embeddings' || path === '/responses' || path === '/completions'
    ? `has ${baseUrl} no ${path}? Not every endpoint answers there`
    : `is the base URL ${baseUrl} right? It ends before /chat/completions`;
}
