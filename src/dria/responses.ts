import type { ChatMessage } from '../batch/items.js';
import { attachedParts } from '../batch/message-parts.js';
import { type ChatBody, followingParts, joined, listPieces, type PartForms } from './body-pieces.js';
import {
  audioFormat,
  conversation,
  dataOf,
  inForm,
  inWords,
  isSent,
  nameOf,
  promptOf,
  repairMessages,
  settingsOf,
  unsendable,
} from './chat-body.js';
import type { ChatAttachment, ChatRequest, LinkedAttachment, StreamedAttachment } from './chat-request.js';
import { isObject, type JsonObject } from './json.js';
import type { Reading } from './reading.js';
import type { RequestProfile } from './request-profile.js';
import { answerParts, callsIn } from './response-output.js';

/** Builds the body of `POST /responses` in the form that the target takes. Throws `InvalidAttachment` for what cannot be sent. */
export function responsesBody(request: ChatRequest, profile: RequestProfile): ChatBody {
  const { attachments = [], repair, messages, input } = request;
  const settings = JSON.stringify(settingsWithText(request, profile)).slice(0, -1);
  const close = `${repair === undefined ? '' : repairMessages(repair)}]}`;
  if (messages !== undefined) {
    const left = attachments.values();
    const entries = conversation(request, messages, profile).flatMap((message) => entryPieces(message, left));
    const separated = entries.flatMap((pieces, at) => [...(at > 0 ? [','] : []), ...pieces]);
    return joined([`${settings},"input":[`, ...separated, close]);
  }
  const prompt = promptOf(request, profile);
  if (attachments.length > 0) {
    const first = JSON.stringify({ type: 'input_text', text: prompt });
    const open = `${settings},"input":[{"role":"user","content":[${first}`;
    return joined([open, ...followingParts(attachments, partForms('user')), `]}${close}`]);
  }
  const own = input === undefined ? prompt : withWords(input, request, profile);
  if (repair !== undefined) return [`${settings},"input":${JSON.stringify(listOf(own)).slice(0, -1)}${close}`];
  // A prompt that is stored at OpenAI may need no input.
  const isNone = request.input === undefined && request.prompt === '';
  return [isNone ? `${settings}}` : `${settings},"input":${JSON.stringify(own)}}`];
}

/** The fields of the body but for the input. */
function settingsWithText(request: ChatRequest, profile: RequestProfile): object {
  const { schema, system, form } = request;
  const { text: ownText, ...body } = form?.body ?? {};
  const format =
    schema === undefined || profile.schemaForm === 'prompt'
      ? undefined
      : profile.schemaForm === 'object'
        ? { type: 'json_object' }
        : { type: 'json_schema', name: schema.name, schema: schema.schema, strict: profile.schemaForm === 'strict' };
  const text = format === undefined ? ownText : { format, ...(isObject(ownText) ? ownText : {}) };
  const instructions = profile.joinsSystem === true || request.messages !== undefined ? undefined : system;
  return inForm({ ...settingsOf(request, profile), instructions, text }, { ...form, body });
}

/** The item's own input, with what the target takes in no other form. */
function withWords(input: unknown, { system, schema }: ChatRequest, profile: RequestProfile): unknown {
  const before = system !== undefined && profile.joinsSystem === true ? [{ role: 'user', content: system }] : [];
  const isInWords = schema !== undefined && !isSent(profile.schemaForm);
  const after = isInWords ? [{ role: 'user', content: inWords(schema) }] : [];
  return before.length + after.length === 0 ? input : [...before, ...listOf(input), ...after];
}

function listOf(input: unknown): readonly unknown[] {
  return Array.isArray(input) ? input : [{ role: 'user', content: input }];
}

function linkedPart(attachment: LinkedAttachment, fields: Readonly<Record<string, unknown>>): object {
  const { kind, url } = attachment;
  if (kind === 'image') return { type: 'input_image', detail: 'auto', ...fields, image_url: url };
  const isData = /^data:/i.test(url);
  if (kind === 'file') {
    return isData
      ? { type: 'input_file', filename: nameOf(attachment), ...fields, file_data: url }
      : { type: 'input_file', file_url: url };
  }
  if (!isData) throw unsendable(attachment, 'a sound as a file');
  return { type: 'input_audio', input_audio: { data: dataOf(url), format: audioFormat(attachment) } };
}

function streamedPart(
  attachment: StreamedAttachment,
  fields: Readonly<Record<string, unknown>>,
): readonly [head: string, tail: string] {
  const { kind, mediaType } = attachment;
  if (kind === 'audio') {
    return ['{"type":"input_audio","input_audio":{"data":"', `","format":"${audioFormat(attachment)}"}}`];
  }
  if (kind === 'file') {
    if (mediaType !== 'application/pdf') throw unsendable(attachment, 'a PDF');
    const about = JSON.stringify({ type: 'input_file', filename: nameOf(attachment), ...fields }).slice(0, -1);
    return [`${about},"file_data":"data:application/pdf;base64,`, '"}'];
  }
  if (!/^image\/[\w.+-]+$/.test(mediaType)) throw unsendable(attachment, 'an image');
  const about = JSON.stringify({ type: 'input_image', detail: 'auto', ...fields }).slice(0, -1);
  return [`${about},"image_url":"data:${mediaType};base64,`, '"}'];
}

function partForms(role: string): PartForms {
  return { linked: linkedPart, streamed: streamedPart, plain: (part) => partOf(part, role) };
}

/** Returns what stands for a message of a chat in a response's input, as JSON, with an attachment in each part that names a path. */
function entryPieces(message: ChatMessage, left: Iterator<ChatAttachment>): ChatBody[] {
  const { role, content, tool_calls: calls } = message;
  if (role === 'tool' || !Array.isArray(content) || attachedParts([message]).length === 0) {
    return entriesOf(message).map((entry) => [JSON.stringify(entry)]);
  }
  const said = [`{"role":${JSON.stringify(role)},"content":`, ...listPieces(content, left, partForms(role)), '}'];
  return [said, ...(Array.isArray(calls) ? calls.flatMap(callOf).map((call) => [JSON.stringify(call)]) : [])];
}

/** Returns what stands for a message of a chat in a response's input. */
function entriesOf(message: ChatMessage): object[] {
  const { role, content, tool_calls: calls, tool_call_id: call } = message;
  if (role === 'tool') return [{ type: 'function_call_output', call_id: call, output: content }];
  const parts = Array.isArray(content) ? content.map((part: unknown) => partOf(part, role)) : content;
  const isEmpty = parts === undefined || parts === null || parts === '';
  const said = isEmpty ? [] : [{ role, content: parts }];
  return Array.isArray(calls) ? [...said, ...calls.flatMap(callOf)] : said;
}

function callOf(call: unknown): object[] {
  if (!isObject(call) || !isObject(call.function)) return [];
  return [{ type: 'function_call', call_id: call.id, name: call.function.name, arguments: call.function.arguments }];
}

/** Returns a part of a chat's content as a response's input has it; one that is not known stays as it is. */
function partOf(part: unknown, role: string): unknown {
  if (!isObject(part)) return part;
  const { type, text, image_url: image, file } = part;
  if (type === 'text') return { type: role === 'assistant' ? 'output_text' : 'input_text', text };
  if (type === 'image_url' && isObject(image)) {
    return { type: 'input_image', detail: image.detail ?? 'auto', image_url: image.url };
  }
  return type === 'file' && isObject(file) ? { type: 'input_file', ...file } : part;
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['max_output_tokens', 'length'],
  ['max_tokens', 'length'],
  ['content_filter', 'content_filter'],
]);

/** Reads a `response`: its texts joined, and why it ended in the words of chats. */
export function readResponse(body: JsonObject): Reading | undefined {
  const { output } = body;
  if (!Array.isArray(output)) return undefined;
  const parts = answerParts(output);
  const textOf = (field: 'text' | 'refusal'): string =>
    parts.map((part) => (typeof part[field] === 'string' ? part[field] : '')).join('');
  return {
    text: textOf('text'),
    refusal: textOf('refusal') || undefined,
    finishReason: reasonOf(body),
    callsTools: callsIn(output).length > 0,
  };
}

function reasonOf({ status, incomplete_details: details }: JsonObject): string | undefined {
  if (status === 'incomplete') {
    const reason = isObject(details) ? details.reason : undefined;
    return REASONS.get(reason) ?? (typeof reason === 'string' ? reason : 'incomplete');
  }
  if (status === 'completed' || status === undefined) return 'stop';
  return typeof status === 'string' ? status : undefined;
}
