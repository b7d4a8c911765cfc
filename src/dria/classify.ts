import type { Modality } from '../batch/modality.js';
import type { ErrorBody } from './error-body.js';
import { readErrorBody } from './error-body.js';
import { AWAY_STATUSES, codeOfStatus, statusByName } from './error-status.js';
import * as words from './error-words.js';
import type { DriaErrorCode, Fault } from './errors.js';
import type { RequestField } from './request-profile.js';
import { type Headers, retryAfterMs } from './retry-after.js';

/** A whole HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What decides about an answer beyond the answer itself. */
export interface ErrorContext {
  /** The modality of the attachment that the request carried, if its refusal would be about that modality. */
  readonly attached?: Modality | undefined;
  /** This key has been accepted: by an answer, or by a models list or balance that was sent with it. */
  readonly keyProven?: boolean;
  /** The target has answered an item of this modality. */
  readonly targetProven?: boolean;
  /** Optional fields that the request carried. */
  readonly sentFields?: readonly RequestField[];
  /** The item's prompt: its words, repeated in an error, are not the server's. */
  readonly prompt?: string;
  /** The texts that the prompt is made of, if the request has several: each may be repeated. */
  readonly texts?: readonly string[] | undefined;
  /** The system message, for the same reason. */
  readonly system?: string;
}

/** What an answer that is an error means. */
export interface Classification {
  readonly code: DriaErrorCode;
  readonly fault: Fault;
  /** The status that counts: the one inside the body if that says more than the outer one. */
  readonly status: number;
  /** The server's own words; empty if there are none. */
  readonly said: string;
  readonly retryAfterMs?: number | undefined;
  readonly isUnclear?: boolean;
  /** The field of our request that the target refuses. */
  readonly refusedField?: RequestField;
}

type Verdict = Pick<Classification, 'code' | 'fault' | 'isUnclear' | 'refusedField'>;

/** What the rules look at. */
interface Case {
  readonly status: number;
  readonly words: string;
  readonly body: ErrorBody;
  readonly isWebPage: boolean;
  /** A header asks for a wait. */
  readonly namesWait: boolean;
  readonly context: ErrorContext;
}

/** Decides whose fault an answer is that is an error: the only place that does. */
export function classify(answer: HttpAnswer, context: ErrorContext): Classification {
  return classifyBody(answer, readErrorBody(answer.text), context);
}

/** {@link classify} for a body that is read already. */
export function classifyBody(
  { status: outer, headers, text }: HttpAnswer,
  body: ErrorBody,
  context: ErrorContext,
): Classification {
  const status = statusThatCounts(outer, body);
  const facts: Case = {
    status,
    words: withoutTexts(body.words, context),
    body,
    isWebPage: /^\s*</.test(text),
    namesWait: retryAfterMs(headers, Date.now()) !== undefined,
    context,
  };
  const verdict = RULES.map((rule) => rule(facts)).find((found) => found !== undefined) ?? byStatus(facts);
  const limited = verdict.code === 'RateLimited' ? body : undefined;
  return { ...verdict, status, said: body.message, retryAfterMs: retryAfterMs(headers, Date.now(), limited) };
}

/** Outer statuses that routers use for errors of the provider behind them. */
const GENERIC: ReadonlySet<number> = new Set([400, 500, 502]);

function statusThatCounts(outer: number, { status: inner, codes }: ErrorBody): number {
  if (outer >= 200 && outer < 300) return inner ?? statusByName(codes) ?? outer;
  return inner !== undefined && GENERIC.has(outer) ? inner : outer;
}

/** Characters at the beginning of a prompt by which it is found in an error. */
const PROMPT_BEGIN = 16;

/** An item must not stop a run by what its prompt says, should the server repeat it, or a part of it. */
function withoutPrompt(text: string, prompt = ''): string {
  const repeated = prompt.trim().toLowerCase();
  const begin = repeated.slice(0, PROMPT_BEGIN);
  const at = begin.length < PROMPT_BEGIN / 2 ? -1 : text.indexOf(begin);
  if (at < 0) return text;
  let end = at;
  while (end < text.length && text[end] === repeated[end - at]) end++;
  return text.slice(0, at) + withoutPrompt(text.slice(end), prompt);
}

function withoutTexts(words: string, { prompt, system, texts = [] }: ErrorContext): string {
  return [prompt, system, ...texts].reduce<string>((left, text) => withoutPrompt(left, text), words);
}

/** The rules that look at words, in the order in which they count. */
const RULES: readonly ((facts: Case) => Verdict | undefined)[] = [
  misdirected,
  money,
  tooLargeForTheLimit,
  credentials,
  modelUnavailable,
  aboutTheContent,
  modalityRefused,
  noRoute,
  behindTheRouter,
  invalidJson,
  refusedField,
];

/** Redirects, and statuses of proxies and of networks that want a login: nothing that an item could change. */
function misdirected({ status }: Case): Verdict | undefined {
  const away = (status >= 300 && status < 400) || AWAY_STATUSES.has(status);
  return away ? { code: 'EndpointUnavailable', fault: 'endpoint' } : undefined;
}

/** There is no such path: a wrong base URL, or a front whose server is away. */
function noRoute({ status, body, isWebPage, words: text }: Case): Verdict | undefined {
  const saysSo = words.NO_ROUTE.test(text) && !words.ABOUT_A_LINK.test(text);
  const isNotThere = status === 404 && (isWebPage || body.message === '' || saysSo);
  return isNotThere || status === 405 ? { code: 'EndpointUnavailable', fault: 'endpoint' } : undefined;
}

function money({ status, words: text, body, namesWait }: Case): Verdict | undefined {
  const refused: Verdict = { code: 'PaymentRequired', fault: 'endpoint' };
  // What is in flight may have reserved all that is left: then a time is named after which there is some again.
  if (status === 402) return namesWait ? { code: 'RateLimited', fault: 'target' } : refused;
  if (![400, 401, 403, 429].includes(status)) return undefined;
  if (words.MONEY.test(text) || [...body.codes].some((code) => words.MONEY_CODES.test(code))) return refused;
  if (status !== 429) return undefined;
  if (words.GOOGLE_DAILY.test(text)) return refused;
  // A limit a day whose wait is told is only a long wait; so is the plan's quota, where it is one a minute.
  const wait = retryAfterMs({}, 0, body);
  return wait === undefined && words.QUOTA.test(text) && !/perminute|per minute/.test(text) ? refused : undefined;
}

/** A 429 or 413 for an item that alone is larger than what the account may send in a minute. */
function tooLargeForTheLimit({ status, words: text }: Case): Verdict | undefined {
  return status === 429 && words.TOO_LARGE.test(text) ? { code: 'InvalidRequest', fault: 'item' } : undefined;
}

function credentials({ status, words: text, context }: Case): Verdict | undefined {
  const refused: Verdict = { code: 'Unauthorized', fault: 'endpoint' };
  if ((status === 401 || status === 403) && words.NO_ACCESS_TO_MODEL.test(text)) return undefined;
  if (status === 401 || words.REGION.test(text)) return refused;
  if ((status === 400 || status === 403) && words.BAD_KEY.test(text) && !words.ABOUT_A_LINK.test(text)) return refused;
  if (status !== 403 || words.MODERATION.test(text)) return undefined;
  return context.keyProven === true ? undefined : refused;
}

const MODEL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 410, 422, 500, 501]);

function modelUnavailable({ status, words: text, body }: Case): Verdict | undefined {
  if (!MODEL_STATUSES.has(status)) return undefined;
  const named = words.NO_SUCH_MODEL.test(text) || words.NOT_A_CHAT_MODEL.test(text);
  const denied = status !== 500 && words.NO_ACCESS_TO_MODEL.test(text);
  const byField = (status === 400 || status === 404) && body.fields.includes('model');
  return named || denied || byField ? { code: 'ModelUnavailable', fault: 'target' } : undefined;
}

const MODALITY_STATUSES: ReadonlySet<number> = new Set([400, 403, 404, 406, 415, 422, 500, 501]);

function modalityRefused({ status, words: text, context }: Case): Verdict | undefined {
  if (context.attached === undefined || context.attached === 'text' || !MODALITY_STATUSES.has(status)) return undefined;
  if (!words.refusesModality(text)) return undefined;
  // It has answered such items: the words are of one node or provider behind it, and the next may take it.
  if (context.targetProven === true) return { code: 'ServerError', fault: 'attempt' };
  return { code: 'ModalityRefused', fault: 'target' };
}

/** Errors that are surely about this item: moderation, and a prompt that is too long. */
function aboutTheContent({ status, words: text }: Case): Verdict | undefined {
  if (status < 400 || status >= 500 || status === 429) return undefined;
  return words.CONTEXT_LENGTH.test(text) || words.MODERATION.test(text)
    ? { code: 'InvalidRequest', fault: 'item' }
    : undefined;
}

/** A router's 400 for a failure of what is behind it. */
function behindTheRouter({ status, body, words: text }: Case): Verdict | undefined {
  const isBehind = status === 400 && (body.codes.has('upstream_error') || words.UPSTREAM.test(text));
  return isBehind ? { code: 'ServerError', fault: 'attempt' } : undefined;
}

/** The model failed to write JSON that satisfies the schema, and the endpoint found it out itself. */
function invalidJson({ status, body, words: text }: Case): Verdict | undefined {
  if (status !== 400 || !(body.codes.has('json_validate_failed') || words.INVALID_JSON.test(text))) return undefined;
  return { code: 'InvalidOutput', fault: words.CUT_OFF.test(text) ? 'item' : 'attempt' };
}

const FIELD_STATUSES: ReadonlySet<number> = new Set([400, 404, 422, 500, 501]);

function refusedField({ status, words: text, body, context }: Case): Verdict | undefined {
  if (!FIELD_STATUSES.has(status)) return undefined;
  const field = context.sentFields?.find((name) => words.refusesField(text, body.fields, name));
  return field === undefined ? undefined : { code: 'RequestRefused', fault: 'request', refusedField: field };
}

/** The meaning of a status whose words say nothing in particular. */
function byStatus({ status, context }: Case): Verdict {
  const code = codeOfStatus(status);
  if (code === 'RateLimited' || code === 'NoNodesAvailable') return { code, fault: 'target' };
  if (code !== 'InvalidRequest') return { code, fault: 'attempt' };
  const isUnclear = context.attached !== undefined && context.attached !== 'text' && context.targetProven !== true;
  return { code, fault: 'item', ...(isUnclear ? { isUnclear } : {}) };
}
