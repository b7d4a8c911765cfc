import { STATUS_CODES } from 'node:http';
import { DriaError, type DriaErrorCode, oneLine } from './errors.js';
import { isObject, parseJson } from './json.js';
import { type Headers, retryAfterMs } from './retry-after.js';

/** A whole HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What the factory has to know beyond the answer. */
export interface ErrorContext {
  /** Replaced in messages, should the server echo it. */
  readonly secret?: string | undefined;
  /** The request carried an attachment whose refusal would be about its modality. */
  readonly attached?: boolean;
}

const CODES: ReadonlyMap<number, DriaErrorCode> = new Map<number, DriaErrorCode>([
  [401, 'Unauthorized'],
  [402, 'PaymentRequired'],
  [403, 'Unauthorized'],
  [408, 'NodeTimeout'],
  [429, 'RateLimited'],
  [503, 'NoNodesAvailable'],
  [504, 'NodeTimeout'],
]);

/** What is said when the server says nothing, where the protocol's own phrase would not do. */
const PHRASES: ReadonlyMap<number, string> = new Map([
  [401, 'the API key was refused'],
  [402, 'out of credits'],
  [429, 'rate limited'],
  [503, 'no nodes available'],
  [504, 'the node timed out'],
]);

/** The error for an HTTP answer that is not a 200: the one place where a status becomes a code. */
export function responseError(answer: HttpAnswer, context: ErrorContext): DriaError {
  const { status, headers, text } = answer;
  const said = serverMessage(text);
  return new DriaError({
    code: codeFor(status, said, context),
    status,
    message: statusMessage(status, headers, said, context.secret),
    retryAfterMs: status >= 400 ? retryAfterMs(headers, Date.now()) : undefined,
  });
}

/**
 * The error inside a body that came with a 200, if it is one: `{"error": …}`, or vLLM's `{"object": "error", …}`.
 * A status in it (`code` or `status`, as routers in front of several providers send it) counts like the real one.
 */
export function errorInBody(body: unknown, headers: Headers, context: ErrorContext): DriaError | undefined {
  if (!isObject(body)) return undefined;
  const error = body.object === 'error' ? body : body.error;
  if (error === undefined || error === null || error === false || error === '') return undefined;
  const status = statusInside(error) ?? statusInside(body);
  const said = messageInside(error) ?? JSON.stringify(error);
  if (status !== undefined) return responseError({ status, headers, text: said }, context);
  const message = oneLine(`the answer is an error: ${said}`, context.secret);
  return new DriaError({ code: 'BadResponse', status: 200, message });
}

function codeFor(status: number, said: string, context: ErrorContext): DriaErrorCode {
  if (status === 400 && context.attached === true && refusesModality(said)) return 'ModalityRefused';
  const code = CODES.get(status);
  if (code !== undefined) return code;
  if (status >= 500) return 'ServerError';
  return status >= 300 ? 'InvalidRequest' : 'BadResponse';
}

/**
 * Whether a 400 says that the model does not take images or sound, and not that this file is a bad one: the first
 * keeps the model from every item of the modality, so a single broken picture must not be taken for it.
 */
function refusesModality(said: string): boolean {
  if (!/image|vision|audio|modal/i.test(said)) return false;
  if (/format|mime|media type|codec|resolution|dimension|pixel/i.test(said)) return false;
  if (/support|accept|capab|text[- ]only|only text/i.test(said)) return true;
  const aboutTheFile =
    /decod|corrupt|malformed|truncat|too (large|big|long|many|small)|exceed|base64|download|fetch|(open|load|read|identify|pars(e|ing)) |(invalid|bad|empty|broken) (image|audio)|must be|is not (valid|an image|a picture|an audio|a sound)/i;
  return !aboutTheFile.test(said);
}

function statusMessage(status: number, headers: Headers, said: string, secret: string | undefined): string {
  if (status >= 300 && status < 400) {
    const target = typeof headers.location === 'string' ? ` to ${headers.location}` : '';
    return oneLine(`the endpoint redirects${target}: set the base URL to where it is`, secret);
  }
  return oneLine(said, secret) || (PHRASES.get(status) ?? STATUS_CODES[status]?.toLowerCase() ?? 'no message');
}

/** What a server says in an error's body: the text, the message inside a JSON error, or the title of a web page. */
function serverMessage(text: string): string {
  const body = text.trim();
  if (body.startsWith('<')) return /<title[^>]*>([^<]+)</i.exec(body)?.[1] ?? '';
  if (!body.startsWith('{')) return body;
  const json = parseJson(body);
  return (isObject(json) ? (messageInside(json.error) ?? messageInside(json)) : undefined) ?? body;
}

function messageInside(error: unknown): string | undefined {
  if (typeof error === 'string') return error;
  if (!isObject(error)) return undefined;
  return [error.message, error.detail].find((text): text is string => typeof text === 'string' && text !== '');
}

function statusInside(error: unknown): number | undefined {
  if (!isObject(error)) return undefined;
  return [error.code, error.status, error.status_code]
    .map((value) => (typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value))
    .find(
      (value): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 400 && value < 600,
    );
}
