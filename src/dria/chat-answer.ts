import type { CheckedOutput } from './answer-check.js';
import { callsTools } from './answer-extras.js';
import type { HttpAnswer } from './classify.js';
import { DriaError, type DriaErrorFacts, oneLine } from './errors.js';
import { isEventStream, joinEvents } from './event-stream.js';
import { isObject, type JsonObject, parseBody } from './json.js';
import type { Reading, Vector } from './reading.js';
import { type AnswerContext, errorInBody, holdsError, shownAndWhole } from './response-error.js';
import type { Headers } from './retry-after.js';
import { countedTokens, type Tokens } from './tokens.js';

/** A model's answer. */
export interface ChatAnswer extends Tokens {
  /** Empty only if the request accepts that, if the model calls tools, and beside vectors. */
  readonly text: string;
  /** Why the model stopped: `stop`, `length`, … */
  readonly finishReason?: string;
  /** The endpoint's filter took a part of the text away (`content_filter`). */
  readonly isFiltered?: true;
  /** The value that was checked, if the request's schema has a check. */
  readonly checked?: CheckedOutput;
  /** The vectors, in the order of the inputs, if such were asked for: the text is empty then. */
  readonly vectors?: readonly Vector[];
  /** The whole answer, as JavaScript has it. */
  readonly body: JsonObject;
  /** The node that answered. */
  readonly nodeId?: string;
  /** From sending to the whole answer (ms). */
  readonly latencyMs: number;
}

/** Reads an answer's body; undefined if there is no answer in it. */
export type ReadBody = (body: JsonObject) => Reading | undefined;

/** What reading an answer needs of its request. */
export interface AskedFor {
  /** Default: as a chat's. */
  readonly read?: ReadBody;
  /** What an answer must have. Default: `message`. */
  readonly wanted?: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly acceptEmpty: boolean;
  /** Returns what an error is made with. Called for errors only: most answers are good ones, thousands a second. */
  context(): AnswerContext;
}

/**
 * Reads the answer out of a 200. By hand and not by schema: this is done for every item.
 * Throws the error inside it, or `BadResponse` if it is no answer or an empty one.
 */
export function parseChatAnswer(answer: HttpAnswer, latencyMs: number, asked: AskedFor): ChatAnswer {
  const body = isEventStream(answer.text) ? joinEvents(answer.text) : parseBody(answer.text);
  if (!isObject(body)) {
    // Google wraps errors in an array.
    throw (
      errorInBody(Array.isArray(body) ? body[0] : undefined, answer.headers, asked) ??
      badResponse(notJson(answer), asked)
    );
  }
  const inside = errorInside(body, answer.headers, asked) ?? errorInside(firstChoice(body), answer.headers, asked);
  if (inside !== undefined) throw inside;
  const { read = readChat, wanted = 'message' } = asked;
  const reading = read(body);
  if (reading === undefined) throw badResponse(`the answer has no ${wanted} in it`, asked);
  const { text, finishReason, vectors } = reading;
  const tokens = countedTokens(body.usage, asked.prompt, text);
  if (text.trim() === '' && !reading.callsTools && vectors === undefined) refuseEmpty(reading, tokens, asked);
  refuseErrorAsContent(text, finishReason, tokens.totalTokens, asked);
  const nodeId = nodeOf(body.metadata);
  return {
    text,
    body,
    ...(vectors === undefined ? {} : { vectors }),
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(finishReason === 'content_filter' ? { isFiltered: true } : {}),
    ...tokens,
    ...(nodeId === undefined ? {} : { nodeId }),
    latencyMs,
  };
}

/** Reads the first choice of a chat. */
export function readChat(body: JsonObject): Reading | undefined {
  const choice = firstChoice(body);
  if (!isObject(choice) || !isObject(choice.message)) return undefined;
  const { message, finish_reason: reason } = choice;
  return {
    text: contentText(message.content),
    finishReason: typeof reason === 'string' ? reason : undefined,
    refusal: typeof message.refusal === 'string' ? message.refusal : undefined,
    callsTools: callsTools(message),
  };
}

function errorInside(body: unknown, headers: Headers, asked: AskedFor): DriaError | undefined {
  return holdsError(body) ? errorInBody(body, headers, asked.context()) : undefined;
}

function firstChoice(body: { readonly choices?: unknown }): unknown {
  return Array.isArray(body.choices) ? body.choices[0] : undefined;
}

/** The text of a message's content: a string, or the text parts of an array joined. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part: unknown) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

/** Throws for an answer with nothing in it, unless it is a right one. */
function refuseEmpty({ refusal, finishReason }: Reading, used: Tokens, asked: AskedFor): void {
  const { totalTokens: tokens } = used;
  if (refusal !== undefined && refusal.trim() !== '') {
    throw badResponse(`the model refused: ${refusal}`, asked, { tokens, fault: 'item', shown: 'the model refused' });
  }
  if (finishReason === 'content_filter') {
    throw badResponse('the answer was filtered (finish_reason: content_filter)', asked, { tokens, fault: 'item' });
  }
  if (finishReason === 'length') throw cutOff('before it had any text', tokens, asked.maxTokens);
  if (finishReason === 'stop' && asked.acceptEmpty) return;
  const reason = finishReason === undefined ? '' : ` (finish_reason: ${finishReason})`;
  throw badResponse(`the model answered nothing${reason}`, asked, { tokens, isEmpty: true });
}

/** The error for an answer that `max_tokens` has cut off: asking again brings nothing but the same costs. */
export function cutOff(where: string, tokens: number, maxTokens: number | undefined): DriaError {
  const limit = maxTokens === undefined ? 'its token limit' : `${maxTokens} tokens`;
  const message = `the answer was cut off at ${limit} ${where}: raise --max-tokens`;
  return new DriaError({ code: 'InvalidOutput', fault: 'item', message, tokens });
}

/**
 * Throws for a content that is no answer but what a node or a gateway said when it failed: ended with an error, or an
 * error body as the API has it, and nothing else, in the place of the answer. Never an error that concerns more than the
 * item: what a model writes must not stop a run.
 */
function refuseErrorAsContent(text: string, finishReason: string | undefined, tokens: number, asked: AskedFor): void {
  if (finishReason === 'error') {
    const shown = 'the model ended with an error';
    throw badResponse(`${shown}: ${text}`, asked, { tokens, shown });
  }
  if (!/^\s*\{\s*"error"\s*:\s*\{/.test(text)) return;
  const body = parseBody(text);
  if (!isObject(body) || Object.keys(body).length > 1 || !isObject(body.error)) return;
  // A model that was asked for JSON about errors says more, or other things, than an API does.
  const { message } = body.error;
  if (typeof message !== 'string' || !('code' in body.error || 'type' in body.error)) return;
  throw badResponse(`the answer is an error: ${message}`, asked, { tokens });
}

function nodeOf(metadata: unknown): string | undefined {
  const id = isObject(metadata) ? metadata.node_id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, 200) : undefined;
}

function notJson({ text, headers }: HttpAnswer): string {
  if (text.trim() === '') return 'the answer is empty';
  if (isEventStream(text)) return 'the answer is an event stream without an end';
  const type = headers['content-type'];
  const said = /^\s*</.test(text) ? 'a web page' : `"${text.trim().slice(0, 400)}"`;
  return `the answer is not JSON but ${said}${typeof type === 'string' ? ` (${type})` : ''}`;
}

function badResponse(
  message: string,
  asked: AskedFor,
  more: Pick<DriaErrorFacts, 'tokens' | 'isEmpty' | 'fault' | 'shown'> = {},
): DriaError {
  const context = asked.context();
  const words = shownAndWhole(oneLine(message, context.secrets), context);
  return new DriaError({ code: 'BadResponse', status: 200, ...words, ...more });
}
