import type { ChatMessage } from '../batch/items.js';
import { attachedParts } from '../batch/message-parts.js';
import { own as ownField } from '../batch/own.js';
import type { RequestForm } from '../batch/request-form.js';
import { type ChatBody, followingParts, joined, listPieces, type PartForms } from './body-pieces.js';
import type {
  AnswerSchema,
  AnswerToRepair,
  ChatAttachment,
  ChatRequest,
  LinkedAttachment,
  StreamedAttachment,
} from './chat-request.js';
import { DriaError } from './errors.js';
import { isSystem, type RequestProfile, type SchemaForm } from './request-profile.js';

/** Builds the body of `POST /chat/completions` in the form that the target takes. Throws `InvalidAttachment` for what cannot be sent. */
export function chatBody(request: ChatRequest, profile: RequestProfile): ChatBody {
  const { attachments = [], repair } = request;
  // The messages are last in the body, so that streamed attachments split it at places that are known.
  const settings = JSON.stringify(inForm(withSchema(request, profile), request.form)).slice(0, -1);
  const end = `${repair === undefined ? '' : repairMessages(repair)}]}`;
  if (request.messages !== undefined) {
    const messages = conversation(request, request.messages, profile);
    return joined([`${settings},"messages":[`, ...conversationPieces(messages, attachments), end]);
  }
  const prompt = promptOf(request, profile);
  const system =
    request.system === undefined || profile.joinsSystem === true
      ? ''
      : `${JSON.stringify({ role: 'system', content: request.system })},`;
  const open = `${settings},"messages":[${system}{"role":"user","content":`;
  if (attachments.length === 0) return [`${open}${JSON.stringify(prompt)}}${end}`];
  const first = JSON.stringify({ type: 'text', text: prompt });
  return joined([`${open}[${first}`, ...followingParts(attachments, CHAT_PARTS), `]}${end}`]);
}

/** Returns messages as JSON, without the brackets around them, with an attachment in each part that names a path. */
function conversationPieces(messages: readonly ChatMessage[], attachments: readonly ChatAttachment[]): ChatBody {
  if (attachments.length === 0) return [JSON.stringify(messages).slice(1, -1)];
  const left = attachments.values();
  return messages.flatMap((message, at) => [...(at > 0 ? [','] : []), ...messagePieces(message, left)]);
}

function messagePieces(message: ChatMessage, left: Iterator<ChatAttachment>): ChatBody {
  if (attachedParts([message]).length === 0 || !Array.isArray(message.content)) return [JSON.stringify(message)];
  const { content, ...rest } = message;
  return [`${JSON.stringify(rest).slice(0, -1)},"content":`, ...listPieces(content, left, CHAT_PARTS), '}'];
}

/** Returns the messages that follow the prompt, as JSON: the answer, and what is wrong with it. */
export function repairMessages({ text, length, complaint }: AnswerToRepair): string {
  const cut = text.length < length ? ` Only the first ${text.length} of its ${length} characters are shown above.` : '';
  const content = `Your answer cannot be used: ${complaint}.${cut} Answer again, with one JSON value that satisfies the schema and nothing else.`;
  return `,${JSON.stringify({ role: 'assistant', content: text })},${JSON.stringify({ role: 'user', content })}`;
}

/** The fields that the bodies of all paths may have. Undefined ones are left out of the JSON. */
export function settingsOf({ model, maxTokens, temperature, timeoutMs }: ChatRequest, profile: RequestProfile): object {
  const { maxTokensField, sendsTemperature, sendsTimeout } = profile;
  return {
    model,
    ...(maxTokensField === undefined ? {} : { [maxTokensField]: maxTokens }),
    temperature: sendsTemperature ? temperature : undefined,
    timeout_secs: sendsTimeout ? Math.ceil(timeoutMs / 1000) : undefined,
  };
}

/** The fields of the body but for the messages. */
function withSchema(request: ChatRequest, profile: RequestProfile): object {
  const { schema } = request;
  const { schemaForm } = profile;
  const format = schema === undefined || schemaForm === 'prompt' ? undefined : responseFormat(schema, schemaForm);
  return { ...settingsOf(request, profile), response_format: format };
}

/** Adds a run's own fields, and gives the others the names that it wants. */
export function inForm(settings: object, { body, rename }: RequestForm = {}): object {
  if (rename === undefined) return body === undefined ? settings : { ...settings, ...body };
  const renamed = Object.entries(settings).map(([field, value]) => [ownField<string>(rename, field) ?? field, value]);
  return { ...Object.fromEntries(renamed), ...body };
}

function responseFormat({ name, schema }: AnswerSchema, form: Exclude<SchemaForm, 'prompt'>): object {
  if (form === 'object') return { type: 'json_object' };
  return { type: 'json_schema', json_schema: { name, schema, strict: form === 'strict' } };
}

/** Returns the messages, with the system message in the place of theirs, and with the schema below them for a target that takes no other form of it. */
export function conversation(
  { system, schema }: ChatRequest,
  messages: readonly ChatMessage[],
  { schemaForm, joinsSystem }: RequestProfile,
): readonly ChatMessage[] {
  const own =
    system === undefined
      ? messages
      : [{ role: 'system', content: system }, ...messages.filter((message) => !isSystem(message))];
  const taken =
    joinsSystem === true ? own.map((message) => (isSystem(message) ? { ...message, role: 'user' } : message)) : own;
  return schema === undefined || isSent(schemaForm) ? taken : [...taken, { role: 'user', content: inWords(schema) }];
}

/** Returns the prompt, with the system message before it and the schema below it for a target that takes no other form of them. */
export function promptOf(request: ChatRequest, { schemaForm, joinsSystem }: RequestProfile): string {
  const { schema, system } = request;
  const prompt = system === undefined || joinsSystem !== true ? request.prompt : `${system}\n\n${request.prompt}`;
  return schema === undefined || isSent(schemaForm) ? prompt : `${prompt}\n\n${inWords(schema)}`;
}

/** Returns true for a form in which the request itself has the schema. */
export function isSent(form: SchemaForm): boolean {
  return form === 'strict' || form === 'loose';
}

/** Returns the words that ask for an answer which satisfies a schema. */
export function inWords({ schema }: AnswerSchema): string {
  return `Answer with one JSON value and nothing else. It must satisfy this JSON Schema:\n${JSON.stringify(schema)}`;
}

/**
 * The content part for a URL. OpenAI's `input_audio` takes base64 only, so a `data:` URL is taken apart for it; for
 * an http(s) URL of a sound there is vLLM's `audio_url`, the only form in use that lets the model's side fetch it. OpenAI takes
 * no URL of a PDF, but OpenRouter and gateways take one in the place of the data.
 */
function linkedPart(attachment: LinkedAttachment, fields: Readonly<Record<string, unknown>>): object {
  const { kind, url } = attachment;
  if (kind === 'image') return { type: 'image_url', image_url: { ...fields, url } };
  if (kind === 'file') return { type: 'file', file: { filename: nameOf(attachment), ...fields, file_data: url } };
  if (!/^data:/i.test(url)) return { type: 'audio_url', audio_url: { url } };
  return { type: 'input_audio', input_audio: { data: dataOf(url), format: audioFormat(attachment) } };
}

/** What stands before and after the base64 text of a streamed attachment in its content part. */
function streamedPart(
  attachment: StreamedAttachment,
  fields: Readonly<Record<string, unknown>>,
): readonly [head: string, tail: string] {
  if (attachment.kind === 'audio') {
    return ['{"type":"input_audio","input_audio":{"data":"', `","format":"${audioFormat(attachment)}"}}`];
  }
  if (attachment.kind === 'file') {
    if (attachment.mediaType !== 'application/pdf') throw unsendable(attachment, 'a PDF');
    const about = JSON.stringify({ filename: nameOf(attachment), ...fields }).slice(1, -1);
    return [`{"type":"file","file":{${about},"file_data":"data:application/pdf;base64,`, '"}}'];
  }
  if (!/^image\/[\w.+-]+$/.test(attachment.mediaType)) throw unsendable(attachment, 'an image');
  const about = JSON.stringify(fields).slice(1, -1);
  const before = about === '' ? '' : `${about},`;
  return [`{"type":"image_url","image_url":{${before}"url":"data:${attachment.mediaType};base64,`, '"}}'];
}

const CHAT_PARTS: PartForms = { linked: linkedPart, streamed: streamedPart, plain: (part) => part };

/** Returns the name that a file is sent with: OpenAI wants one for each. */
export function nameOf({ name = 'document.pdf' }: ChatAttachment): string {
  return name;
}

const AUDIO_FORMATS: ReadonlyMap<string, 'wav' | 'mp3'> = new Map([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
]);

/** Returns the format of a sound as the API names it. Throws `InvalidAttachment` for one that it does not take. */
export function audioFormat(attachment: ChatAttachment): 'wav' | 'mp3' {
  const format = AUDIO_FORMATS.get((attachment.mediaType.split(';')[0] ?? '').trim().toLowerCase());
  if (format === undefined) throw unsendable(attachment, 'a wav or mp3 sound');
  return format;
}

/** Returns the base64 text of a `data:` URL, made from percent-encoding where it is that (RFC 2397). */
export function dataOf(url: string): string {
  const comma = url.indexOf(',');
  if (comma < 0) throw new DriaError({ code: 'InvalidAttachment', message: 'the data: URL has no data' });
  const data = url.slice(comma + 1);
  if (/;base64$/i.test(url.slice(0, comma))) return data;
  return Buffer.from(percentDecoded(data), 'latin1').toString('base64');
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The error for an attachment that the API has no place for. */
export function unsendable({ mediaType }: ChatAttachment, wanted: string): DriaError {
  return new DriaError({
    code: 'InvalidAttachment',
    message: `${mediaType.slice(0, 60)} cannot be sent: the API takes ${wanted} here`,
  });
}
