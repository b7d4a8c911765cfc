import type { ChatRequest, Question } from './chat-request.js';
import { brokenSchemaAnswer, schemaAnswer } from './schema-answer.js';

const CHARS_PER_TOKEN = 4;
/** What an image or a sound counts, whatever its size. */
const TOKENS_PER_ATTACHMENT = 256;
const ECHO_CHARS = 60;

/** How long and how good answers are. */
export interface AnswerStyle {
  readonly answerTokens?: number | undefined;
  /** Does not satisfy the schema asked for. */
  readonly broken: boolean;
}

/** Rough size of a text in tokens: one for every 4 characters, at least 1. */
function estimateTokens(chars: number): number {
  return Math.max(1, Math.ceil(chars / CHARS_PER_TOKEN));
}

/** Tokens of a request's prompt, attachments included. */
export function promptTokens(question: Question): number {
  return estimateTokens(question.chars) + question.attachments.length * TOKENS_PER_ATTACHMENT;
}

/** The text of an answer, before it is cut at `max_tokens`. Depends on the question and the format only. */
export function answerText(request: ChatRequest, question: Question, style: AnswerStyle): string {
  const format = request.response_format;
  if (format?.type === 'json_schema') {
    const { schema } = format.json_schema;
    return JSON.stringify(style.broken ? brokenSchemaAnswer(schema) : schemaAnswer(schema, question.promptHash));
  }
  if (format?.type === 'json_object') return JSON.stringify({ simulated: true, prompt: question.promptHash });
  return plainAnswer(question, style.answerTokens);
}

/** Holds the prompt's hash, and those of the attachments: a test can tell whose answer it is. */
function plainAnswer(question: Question, tokens = 0): string {
  const echo = question.prompt.slice(0, ECHO_CHARS).replaceAll(/\s+/g, ' ');
  const seen = question.attachments.map(({ kind, sha256, url }) => `, with ${kind} ${sha256 ?? url ?? ''}`).join('');
  const sentence = `Simulated answer to prompt ${question.promptHash} ("${echo}")${seen}.`;
  const filler = ' No model was asked.';
  const missing = Math.max(0, tokens * CHARS_PER_TOKEN - sentence.length);
  return sentence + filler.repeat(Math.ceil(missing / filler.length)).slice(0, missing);
}

/** What an answer is sent with. */
export interface Completion {
  readonly id: string;
  readonly nodeId: string;
  readonly text: string;
}

/** The body of an answer: OpenAI's form. */
export interface CompletionBody {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly [CompletionChoice];
  /** Tokens, by OpenAI's names. */
  readonly usage?: Readonly<Record<string, unknown>> | undefined;
  readonly metadata: { readonly node_id: string };
}

/** The only choice of an answer. */
export interface CompletionChoice {
  readonly index: number;
  readonly message: { readonly role: string; readonly content: string; readonly reasoning_content?: string };
  readonly finish_reason: 'stop' | 'length' | 'content_filter';
}

/** Returns an answer in OpenAI's form with Dria's `metadata.node_id`, its text cut at `max_tokens`. */
export function completionBody(request: ChatRequest, question: Question, completion: Completion): CompletionBody {
  const wanted = completion.text === '' ? 0 : estimateTokens(completion.text.length);
  const cut = wanted > request.max_tokens;
  const used = { prompt: promptTokens(question), completion: cut ? request.max_tokens : wanted };
  const content = cut ? completion.text.slice(0, request.max_tokens * CHARS_PER_TOKEN) : completion.text;
  return {
    id: completion.id,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: request.model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: cut ? 'length' : 'stop' }],
    usage: {
      prompt_tokens: used.prompt,
      completion_tokens: used.completion,
      total_tokens: used.prompt + used.completion,
    },
    metadata: { node_id: completion.nodeId },
  };
}
