import path from 'node:path';
import type { InferInput } from '../batch/activity-contract.js';
import { costOf, type UsedTokens } from '../batch/cost.js';
import { oneLineJson } from '../batch/json-line.js';
import type { MediaModality } from '../batch/modality.js';
import type { RequestForm } from '../batch/request-form.js';
import type { AnswerCheck } from '../dria/answer-check.js';
import { extrasOf, thoughtsOf } from '../dria/answer-extras.js';
import type { Lease } from '../dria/byte-budget.js';
import type { ChatAnswer } from '../dria/chat-answer.js';
import type { AttachmentKind, ChatAttachment, ChatRequest } from '../dria/chat-request.js';
import { type AttachmentStamp, stampChange } from '../input/attachment-stamps.js';
import { type ResolvedAttachment, resolveAttachment } from '../input/attachments.js';
import { AttachmentError } from '../input/errors.js';
import { excerpt } from '../input/excerpt.js';
import type { Storage } from '../storage/storage.js';
import type { StagedAttachment } from '../store/attachment-index.js';
import type { AnswerRecord, InvalidAnswer } from '../store/outcomes.js';
import { differsFrom } from '../store/owner.js';
import type { PackItem } from '../store/pack-items.js';
import { attachmentKey } from '../store/run-directory.js';
import type { AskedEndpoint } from './endpoint-of.js';
import type { RunSettings } from './settings.js';
import type { RequestTrace } from './tracing.js';

/** The name that the answer's schema has in requests. */
const SCHEMA_NAME = 'answer';

/** What one request needs beside the item. */
export interface CompletionContext {
  readonly asked: AskedEndpoint;
  /** Where staged attachments are. */
  readonly storage: Storage;
  readonly settings: RunSettings;
  readonly input: InferInput;
  /** Number of this attempt among all of the item's, 1 for the first. */
  readonly attempt: number;
  /** Targets of the failed attempts before, oldest first. */
  readonly tried: readonly string[];
  /** The target's own answer before, if that is to be repaired, and the error that it was. */
  readonly repair?: InvalidAnswer & { readonly error: string };
  /** An answer that does not satisfy the schema is repaired by the target. */
  readonly willRepair: boolean;
  /** The request differs from what the run asks as a whole. */
  readonly isChanged: boolean;
  readonly signal: AbortSignal;
  /** Called when a request goes out. */
  readonly onSent: () => void;
  /** Released when the answer is written. */
  readonly lease: Lease;
  readonly trace: RequestTrace | undefined;
}

/** A checked answer. */
export interface Completion {
  readonly record: AnswerRecord;
  /** The record's output line, if it is not what `record.result` serialises to. */
  readonly line?: string;
  /** Time of the request, ms, without its wait for a permit. */
  readonly latencyMs: number;
}

/** Asks the target about one item and checks the answer. Throws the HTTP layer's and the attachments' typed errors. */
export async function requestCompletion(item: PackItem, context: CompletionContext): Promise<Completion> {
  const { asked, signal, lease, onSent, input, willRepair } = context;
  const options = { signal, lease, onSent, hasOther: input.hasOther === true, willRepair };
  const answer = await asked.endpoint.chat(await chatRequest(item, context), options);
  context.trace?.answered(answer);
  const { checked } = answer;
  const head = { id: item.id, model: input.target, output: answer.text };
  const tail = {
    ...extrasOf(answer.body),
    tokens: answer.totalTokens,
    ...(input.options.detail ? details(answer, context) : {}),
    ...(context.settings.raw === true ? { raw: answer.body } : {}),
  };
  const result = checked === undefined ? { ...head, ...tail } : { ...head, parsed: checked.parsed, ...tail };
  const { promptTokens: prompt, completionTokens: completion, cachedTokens: cached } = answer;
  const facts = factsOf(answer, { prompt, completion, cached }, context);
  const record = { item: item.item, ...facts, result };
  const line = checked === undefined ? {} : { line: joined(head, checked.json, tail) };
  return { record, latencyMs: answer.latencyMs, ...line };
}

/** Returns what a record says of its answer beside the output line. `used`: tokens that its item has used. */
export function factsOf(
  answer: ChatAnswer,
  used: UsedTokens,
  { isChanged, input }: CompletionContext,
): Omit<AnswerRecord, 'item' | 'result'> {
  return {
    ...(answer.finishReason === 'length' ? { truncated: true } : {}),
    ...(answer.isFiltered === true ? { filtered: true } : {}),
    ...(answer.cachedTokens === undefined ? {} : { cached: answer.cachedTokens }),
    ...(input.price === undefined ? {} : { cost: costOf(input.price, used) }),
    ...(isChanged ? { changed: true } : {}),
    at: Date.now(),
    ms: Math.round(answer.latencyMs),
  };
}

/** Writes an output line around the checked JSON as the model wrote it: a JavaScript number does not hold every digit. */
function joined(head: object, parsed: string, tail: object): string {
  return `${oneLineJson(head).slice(0, -1)},"parsed":${parsed},${oneLineJson(tail).slice(1)}`;
}

async function chatRequest(item: PackItem, context: CompletionContext): Promise<ChatRequest> {
  const { input, settings, attempt, repair } = context;
  const { maxTokens, temperature, timeoutSecs } = input.options;
  const { system = item.system } = settings;
  const attachments = await attachmentsOf(item, context);
  const answerCheck = await answerCheckOf(item, settings);
  return {
    model: context.asked.model,
    prompt: item.prompt,
    ...(system === undefined ? {} : { system }),
    maxTokens: item.maxTokens ?? maxTokens,
    temperature: item.temperature ?? temperature,
    timeoutMs: timeoutSecs * 1000,
    // A target that has answered nothing twice means it.
    ...(attempt > 1 ? { acceptEmpty: true } : {}),
    ...(answerCheck === undefined
      ? {}
      : { schema: { name: SCHEMA_NAME, schema: answerCheck.schema, check: answerCheck.check } }),
    ...(attachments.length === 0 ? {} : { attachments }),
    ...(settings.api === undefined ? {} : { api: settings.api }),
    ...(item.messages === undefined ? {} : { messages: item.messages }),
    ...(item.input === undefined ? {} : { input: item.input }),
    modality: input.modality,
    ...formOf(item, settings, context.asked.form),
    ...(repair === undefined ? {} : { repair: { ...repair, complaint: complaintOf(repair.error) } }),
  };
}

/**
 * Returns what an item's request has otherwise than usual: what the item asks goes before what the run asks, and that before
 * what the endpoint has.
 */
export function formOf(item: PackItem, run: RequestForm, endpoint: RequestForm = {}): Pick<ChatRequest, 'form'> {
  const { omit = endpoint.omit, rename = endpoint.rename } = run;
  const bodies = [endpoint.body, run.body, item.body].filter((body) => body !== undefined);
  if (bodies.length === 0 && omit === undefined && rename === undefined) return {};
  return { form: { body: Object.assign({}, ...bodies), omit, rename } };
}

/** Returns an error's words without its kind: `invalid output: the answer is not JSON`. */
function complaintOf(error: string): string {
  return error.replace(/^invalid output: /, '');
}

/** Returns the check of an item's answer: by its own schema, or else the run's. */
async function answerCheckOf(item: PackItem, settings: RunSettings): Promise<AnswerCheck | undefined> {
  if (item.schema === undefined) return settings.answerCheck;
  const { compileAnswerSchema } = await import('../dria/answer-check.js');
  return compileAnswerSchema(item.schema);
}

/** Returns an item's attachments. What was opened is closed by whoever reads it: here nothing stays open. */
async function attachmentsOf(item: PackItem, context: CompletionContext): Promise<ChatAttachment[]> {
  const found: ChatAttachment[] = [];
  for (const [at, text] of (item.attachments ?? []).entries()) {
    found.push(await attachmentOf(text, { staged: item.staged?.[at], stamp: item.stamps?.[at] }, context));
  }
  return found;
}

async function attachmentOf(
  attachment: string,
  { staged, stamp }: { readonly staged: StagedAttachment | undefined; readonly stamp: AttachmentStamp | undefined },
  { storage, settings }: CompletionContext,
): Promise<ChatAttachment> {
  if (staged === undefined) {
    const resolved = await resolveAttachment(attachment, settings.attachments);
    const change = resolved.kind === 'file' ? stampChange(stamp, resolved) : undefined;
    if (change === undefined) return { ...chatAttachment(resolved), name: nameOf(attachment) };
    throw new AttachmentError(
      'CHANGED',
      `${excerpt(attachment)} has changed since the input was checked: ${change}; to send it as it is now, start another run`,
    );
  }
  const { mediaType, bytes, sha256, modality } = staged;
  return {
    kind: kindOf(modality),
    mediaType,
    bytes,
    name: nameOf(attachment),
    open: () => storage.stream(attachmentKey(sha256)),
  };
}

/** Returns true if requests with these options differ from what the run asks as a whole, after a change of its options. */
export function hasChanged(
  { question, schema }: RunSettings,
  { model, maxTokens, temperature }: InferInput['options'],
): boolean {
  return question !== undefined && differsFrom(question, { model, maxTokens, temperature, schema });
}

/** Returns the name that a PDF goes with: that of its file, without the folders. */
function nameOf(attachment: string): string {
  if (/^data:/i.test(attachment)) return 'document.pdf';
  const isUrl = /^https?:/i.test(attachment) && URL.canParse(attachment);
  return path.basename(isUrl ? new URL(attachment).pathname : attachment) || 'document.pdf';
}

function kindOf(modality: MediaModality): AttachmentKind {
  if (modality === 'document') return 'file';
  return modality === 'audio' ? 'audio' : 'image';
}

function chatAttachment(attachment: ResolvedAttachment): ChatAttachment {
  const kind = kindOf(attachment.modality);
  if (attachment.kind === 'url')
    return { kind, mediaType: kind === 'file' ? 'application/pdf' : `${kind}/*`, url: attachment.url };
  const { mediaType } = attachment;
  if (attachment.kind === 'data') return { kind, mediaType, url: attachment.url };
  return { kind, mediaType, bytes: attachment.bytes, open: () => attachment.open() };
}

function details(answer: ChatAnswer, { input, attempt, tried }: CompletionContext): Record<string, unknown> {
  return {
    prompt_tokens: answer.promptTokens,
    ...(answer.cachedTokens === undefined ? {} : { cached_tokens: answer.cachedTokens }),
    completion_tokens: answer.completionTokens,
    ...(answer.reasoningTokens === undefined ? {} : { reasoning_tokens: answer.reasoningTokens }),
    finish_reason: answer.finishReason ?? null,
    attempts: attempt,
    latency_ms: answer.latencyMs,
    ...thoughtsOf(answer.body),
    node_id: answer.nodeId ?? null,
    models_tried: [...new Set([...tried, input.target])],
  };
}
