import { createReadStream } from 'node:fs';
import type { Modality } from '../batch/modality.js';
import type { InferInput } from '../batch/work.js';
import type { ChatAnswer } from '../dria/chat-answer.js';
import type { ChatAttachment, ChatRequest } from '../dria/chat-request.js';
import type { Endpoint } from '../dria/endpoint.js';
import { DriaError, isDriaError } from '../dria/errors.js';
import { type ResolvedAttachment, resolveAttachment } from '../input/attachments.js';
import { attachmentKey } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import type { PackItem } from './pack-items.js';
import type { SegmentRecord } from './segments.js';
import type { RunSettings } from './settings.js';
import type { RequestTrace } from './tracing.js';

/** The name that the answer's schema has in requests. */
const SCHEMA_NAME = 'answer';

/** What one question needs beside the item. */
export interface Question {
  readonly endpoint: Endpoint;
  /** Where staged attachments are. */
  readonly storage: Storage;
  readonly settings: RunSettings;
  readonly input: InferInput;
  /** Number of this attempt among all the item has had, 1 for the first. */
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly trace: RequestTrace | undefined;
}

/** A checked answer. */
export interface Answered {
  readonly record: SegmentRecord;
  /** Time of the request, ms, without what it waited for its turn. */
  readonly latencyMs: number;
}

/** Asks the model about one item and checks the answer. Throws the HTTP layer's and the attachments' typed errors. */
export async function askItem(item: PackItem, question: Question): Promise<Answered> {
  const { endpoint, settings, signal } = question;
  const answer = await endpoint.chat(await chatRequest(item, question), signal);
  question.trace?.answered(answer);
  const checked = checkAnswer(answer, settings);
  const result = {
    id: item.id,
    model: question.input.model,
    output: answer.text,
    ...(checked === undefined ? {} : { parsed: checked.parsed }),
    tokens: answer.totalTokens,
    ...(question.input.detail ? details(answer, question) : {}),
  };
  const truncated = answer.finishReason === 'length' ? { truncated: true } : {};
  const times = { at: Date.now(), ms: Math.round(answer.latencyMs) };
  return { record: { item: item.item, result, ...truncated, ...times }, latencyMs: answer.latencyMs };
}

/** Checks an answer against the run's schema. Its error says what the answer has cost. */
function checkAnswer(
  { text, totalTokens }: ChatAnswer,
  { answerCheck }: RunSettings,
): { readonly parsed: unknown } | undefined {
  try {
    return answerCheck?.check(text);
  } catch (error) {
    if (!isDriaError(error)) throw error;
    const { code, message } = error;
    throw new DriaError({ code, message, tokens: totalTokens, cause: error });
  }
}

async function chatRequest(item: PackItem, question: Question): Promise<ChatRequest> {
  const { input, settings } = question;
  const { answerCheck } = settings;
  const attachment = await attachmentOf(item, question);
  return {
    model: input.model,
    prompt: item.prompt,
    maxTokens: input.maxTokens,
    temperature: input.temperature,
    timeoutMs: input.timeoutSecs * 1000,
    ...(answerCheck === undefined ? {} : { schema: { name: SCHEMA_NAME, schema: answerCheck.schema } }),
    ...(attachment === undefined ? {} : { attachment }),
  };
}

async function attachmentOf(
  { attachment, staged }: PackItem,
  { storage, settings }: Question,
): Promise<ChatAttachment | undefined> {
  if (attachment === undefined) return undefined;
  if (staged === undefined) return chatAttachment(await resolveAttachment(attachment, settings.attachments));
  const { mediaType, bytes, sha256, modality } = staged;
  return { kind: kindOf(modality), mediaType, bytes, open: () => storage.stream(attachmentKey(sha256)) };
}

function kindOf(modality: Modality): ChatAttachment['kind'] {
  return modality === 'audio' ? 'audio' : 'image';
}

function chatAttachment(attachment: ResolvedAttachment): ChatAttachment {
  const kind = kindOf(attachment.modality);
  if (attachment.kind === 'url') return { kind, mediaType: `${kind}/*`, url: attachment.url };
  const { mediaType } = attachment;
  if (attachment.kind === 'data') return { kind, mediaType, url: attachment.url };
  return { kind, mediaType, bytes: attachment.bytes, open: () => createReadStream(attachment.path) };
}

function details(answer: ChatAnswer, { input, attempt }: Question): Record<string, unknown> {
  return {
    prompt_tokens: answer.promptTokens,
    completion_tokens: answer.completionTokens,
    finish_reason: answer.finishReason ?? null,
    attempts: attempt,
    latency_ms: answer.latencyMs,
    node_id: answer.nodeId ?? null,
    models_tried: [...new Set([...input.tried, input.model])],
  };
}
