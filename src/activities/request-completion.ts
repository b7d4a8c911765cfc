import type { InferInput } from '../batch/activity-contract.js';
import { costOf } from '../batch/cost.js';
import { oneLineJson } from '../batch/json-line.js';
import type { Modality } from '../batch/modality.js';
import type { RequestForm } from '../batch/request-form.js';
import { extrasOf, thoughtsOf } from '../dria/answer-extras.js';
import type { Lease } from '../dria/byte-budget.js';
import type { ChatAnswer } from '../dria/chat-answer.js';
import type { ChatAttachment, ChatRequest } from '../dria/chat-request.js';
import { stampChange } from '../input/attachment-stamps.js';
import { type ResolvedAttachment, resolveAttachment } from '../input/attachments.js';
import { AttachmentError } from '../input/errors.js';
import { excerpt } from '../input/excerpt.js';
import type { Storage } from '../storage/storage.js';
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
  const truncated = answer.finishReason === 'length' ? { truncated: true } : {};
  const filtered = answer.isFiltered === true ? { filtered: true } : {};
  const cached = answer.cachedTokens === undefined ? {} : { cached: answer.cachedTokens };
  const { promptTokens: prompt, completionTokens: completion } = answer;
  const used = { prompt, completion, cached: answer.cachedTokens };
  const cost = input.price === undefined ? {} : { cost: costOf(input.price, used) };
  const changed = context.isChanged ? { changed: true } : {};
  const times = { at: Date.now(), ms: Math.round(answer.latencyMs) };
  const record = { item: item.item, ...truncated, ...filtered, ...cached, ...cost, ...changed, ...times, result };
  const line = checked === undefined ? {} : { line: joined(head, checked.json, tail) };
  return { record, latencyMs: answer.latencyMs, ...line };
}

/** Writes an output line around the checked JSON as the model wrote it: a JavaScript number does not hold every digit. */
function joined(head: object, parsed: string, tail: object): string {
  return `${oneLineJson(head).slice(0, -1)},"parsed":${parsed},${oneLineJson(tail).slice(1)}`;
}

async function chatRequest(item: PackItem, context: CompletionContext): Promise<ChatRequest> {
  const { input, settings, attempt, repair } = context;
  const { maxTokens, temperature, timeoutSecs } = input.options;
  const { answerCheck } = settings;
  const { system = item.system } = settings;
  const attachment = await attachmentOf(item, context);
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
    ...(attachment === undefined ? {} : { attachment }),
    ...(item.messages === undefined ? {} : { messages: item.messages, modality: input.modality }),
    ...formOf(item, settings, context.asked.form),
    ...(repair === undefined ? {} : { repair: { ...repair, complaint: complaintOf(repair.error) } }),
  };
}

/** What an item asks of its request goes before what the run asks, and that before what the endpoint has. */
function formOf(item: PackItem, run: RequestForm, endpoint: RequestForm = {}): Pick<ChatRequest, 'form'> {
  const { omit = endpoint.omit, rename = endpoint.rename } = run;
  const bodies = [endpoint.body, run.body, item.body].filter((body) => body !== undefined);
  if (bodies.length === 0 && omit === undefined && rename === undefined) return {};
  return { form: { body: Object.assign({}, ...bodies), omit, rename } };
}

/** Returns an error's words without its kind: `invalid output: the answer is not JSON`. */
function complaintOf(error: string): string {
  return error.replace(/^invalid output: /, '');
}

async function attachmentOf(
  { attachment, staged, stamp }: PackItem,
  { storage, settings }: CompletionContext,
): Promise<ChatAttachment | undefined> {
  if (attachment === undefined) return undefined;
  if (staged === undefined) {
    const resolved = await resolveAttachment(attachment, settings.attachments);
    const change = resolved.kind === 'file' ? stampChange(stamp, resolved) : undefined;
    if (change === undefined) return chatAttachment(resolved);
    throw new AttachmentError(
      'CHANGED',
      `${excerpt(attachment)} has changed since the input was checked: ${change}; to send it as it is now, start another run`,
    );
  }
  const { mediaType, bytes, sha256, modality } = staged;
  return { kind: kindOf(modality), mediaType, bytes, open: () => storage.stream(attachmentKey(sha256)) };
}

/** Returns true if requests with these options differ from what the run asks as a whole, after a change of its options. */
export function hasChanged(
  { question, schema }: RunSettings,
  { model, maxTokens, temperature }: InferInput['options'],
): boolean {
  return question !== undefined && differsFrom(question, { model, maxTokens, temperature, schema });
}

function kindOf(modality: Modality): ChatAttachment['kind'] {
  return modality === 'audio' ? 'audio' : 'image';
}

function chatAttachment(attachment: ResolvedAttachment): ChatAttachment {
  const kind = kindOf(attachment.modality);
  if (attachment.kind === 'url') return { kind, mediaType: `${kind}/*`, url: attachment.url };
  const { mediaType } = attachment;
  if (attachment.kind === 'data') return { kind, mediaType, url: attachment.url };
  return { kind, mediaType, bytes: attachment.bytes, open: () => attachment.open() };
}

function details(answer: ChatAnswer, { input, attempt, tried }: CompletionContext): Record<string, unknown> {
  return {
    prompt_tokens: answer.promptTokens,
    ...(answer.cachedTokens === undefined ? {} : { cached_tokens: answer.cachedTokens }),
    completion_tokens: answer.completionTokens,
    finish_reason: answer.finishReason ?? null,
    attempts: attempt,
    latency_ms: answer.latencyMs,
    ...thoughtsOf(answer.body),
    node_id: answer.nodeId ?? null,
    models_tried: [...new Set([...tried, input.target])],
  };
}
