import { DriaError, type DriaErrorFacts, oneLine } from './errors.js';
import { isObject, parseJson } from './json.js';
import { type ErrorContext, errorInBody, type HttpAnswer } from './response-error.js';

/** A model's answer. */
export interface ChatAnswer {
  /** Never empty. */
  readonly text: string;
  /** Why the model stopped: `stop`, `length`, … */
  readonly finishReason?: string;
  /** 0 where the endpoint does not count. */
  readonly totalTokens: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** The node that answered. */
  readonly nodeId?: string;
  /** From sending to the whole answer, ms. */
  readonly latencyMs: number;
}

/**
 * Reads the answer out of a 200. By hand and not by schema: this is done for every item.
 * Throws the error inside it, or `BadResponse` when it is no answer or an empty one.
 */
export function parseChatAnswer(answer: HttpAnswer, latencyMs: number, context: ErrorContext): ChatAnswer {
  const body = parseJson(answer.text);
  if (!isObject(body)) throw badResponse(notJson(answer), context);
  const inside = errorInBody(body, answer.headers, context) ?? errorInBody(firstChoice(body), answer.headers, context);
  if (inside !== undefined) throw inside;
  const choice = firstChoice(body);
  if (!isObject(choice) || !isObject(choice.message)) throw badResponse('the answer has no message in it', context);
  const finishReason = typeof choice.finish_reason === 'string' ? choice.finish_reason : undefined;
  const tokens = tokensOf(body.usage);
  const text = contentText(choice.message.content);
  if (text.trim() === '') throw emptyAnswer(choice.message.refusal, finishReason, tokens, context);
  refuseErrorAsContent(text, finishReason, tokens.totalTokens, context);
  const nodeId = nodeOf(body.metadata);
  return {
    text,
    ...(finishReason === undefined ? {} : { finishReason }),
    ...tokens,
    ...(nodeId === undefined ? {} : { nodeId }),
    latencyMs,
  };
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

function emptyAnswer(
  refusal: unknown,
  finishReason: string | undefined,
  { totalTokens: tokens }: Pick<ChatAnswer, 'totalTokens'>,
  context: ErrorContext,
): DriaError {
  if (typeof refusal === 'string' && refusal.trim() !== '')
    return badResponse(`the model refused: ${refusal}`, context, { tokens });
  const reason = finishReason === undefined ? '' : ` (finish_reason: ${finishReason})`;
  return badResponse(`the model answered nothing${reason}`, context, { tokens, isEmpty: true });
}

/**
 * Throws for a content that is no answer but what a node or a gateway said when it failed: ended with an error, or an
 * error body as the API has it, and nothing else, in the place of the answer. Never an error that concerns more than the
 * item: what a model writes must not stop a run.
 */
function refuseErrorAsContent(
  text: string,
  finishReason: string | undefined,
  tokens: number,
  context: ErrorContext,
): void {
  if (finishReason === 'error') throw badResponse(`the model ended with an error: ${text}`, context, { tokens });
  if (!/^\s*\{\s*"error"\s*:\s*\{/.test(text)) return;
  const body = parseJson(text);
  if (!isObject(body) || Object.keys(body).length > 1 || !isObject(body.error)) return;
  // A model that was asked for JSON about errors says more, or other things, than an API does.
  const { message } = body.error;
  if (typeof message !== 'string' || !('code' in body.error || 'type' in body.error)) return;
  throw badResponse(`the answer is an error: ${message}`, context, { tokens });
}

function tokensOf(usage: unknown): Pick<ChatAnswer, 'totalTokens' | 'promptTokens' | 'completionTokens'> {
  const fields = isObject(usage) ? usage : {};
  const promptTokens = count(fields.prompt_tokens);
  const completionTokens = count(fields.completion_tokens);
  return { totalTokens: count(fields.total_tokens) || promptTokens + completionTokens, promptTokens, completionTokens };
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.round(value) : 0;
}

function nodeOf(metadata: unknown): string | undefined {
  const id = isObject(metadata) ? metadata.node_id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}

function notJson({ text, headers }: HttpAnswer): string {
  if (text.trim() === '') return 'the answer is empty';
  const type = headers['content-type'];
  const said = /^\s*</.test(text) ? 'a web page' : `"${text.trim()}"`;
  return `the answer is not JSON but ${said}${typeof type === 'string' ? ` (${type})` : ''}`;
}

function badResponse(
  message: string,
  { secret }: ErrorContext,
  cost: Pick<DriaErrorFacts, 'tokens' | 'isEmpty'> = {},
): DriaError {
  return new DriaError({ code: 'BadResponse', status: 200, message: oneLine(message, secret), ...cost });
}
