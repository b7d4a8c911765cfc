import type { ChatAttachment, ChatRequest, LinkedAttachment, StreamedAttachment } from './chat-request.js';
import { DriaError } from './errors.js';

/** A request's JSON body: whole, or around an attachment whose base64 text goes between `head` and `tail`. */
export type ChatBody =
  | { readonly text: string }
  | { readonly head: string; readonly attachment: StreamedAttachment; readonly tail: string };

/** Builds the body of `POST /chat/completions`. Throws `InvalidAttachment` for what cannot be sent. */
export function chatBody(request: ChatRequest): ChatBody {
  const { prompt, attachment } = request;
  // The message is last in the body, so that a streamed attachment splits it at a place that is known.
  const settings = JSON.stringify(settingsOf(request)).slice(0, -1);
  const open = `${settings},"messages":[{"role":"user","content":`;
  const close = '}]}';
  if (attachment === undefined) return { text: `${open}${JSON.stringify(prompt)}${close}` };
  const first = `${open}[${JSON.stringify({ type: 'text', text: prompt })},`;
  if ('url' in attachment) return { text: `${first}${JSON.stringify(linkedPart(attachment))}]${close}` };
  const [head, tail] = streamedPart(attachment);
  return { head: first + head, attachment, tail: `${tail}]${close}` };
}

function settingsOf({ model, maxTokens, temperature, timeoutMs, schema }: ChatRequest) {
  return {
    model,
    max_tokens: maxTokens,
    temperature,
    timeout_secs: Math.ceil(timeoutMs / 1000),
    ...(schema === undefined
      ? {}
      : { response_format: { type: 'json_schema', json_schema: { ...schema, strict: true } } }),
  };
}

/**
 * The content part for a URL. OpenAI's `input_audio` takes base64 only, so a `data:` URL is taken apart for it; for
 * an http(s) URL of a sound there is vLLM's `audio_url`, the only form in use that lets the model's side fetch it.
 */
function linkedPart(attachment: LinkedAttachment): object {
  const { kind, url } = attachment;
  if (kind === 'image') return { type: 'image_url', image_url: { url } };
  if (!/^data:/i.test(url)) return { type: 'audio_url', audio_url: { url } };
  return { type: 'input_audio', input_audio: { data: dataOf(url), format: audioFormat(attachment) } };
}

/** What stands before and after the base64 text of a streamed attachment in its content part. */
function streamedPart(attachment: StreamedAttachment): readonly [head: string, tail: string] {
  if (attachment.kind === 'audio') {
    return ['{"type":"input_audio","input_audio":{"data":"', `","format":"${audioFormat(attachment)}"}}`];
  }
  if (!/^image\/[\w.+-]+$/.test(attachment.mediaType)) throw unsendable(attachment, 'an image');
  return [`{"type":"image_url","image_url":{"url":"data:${attachment.mediaType};base64,`, '"}}'];
}

const AUDIO_FORMATS: ReadonlyMap<string, 'wav' | 'mp3'> = new Map([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
]);

function audioFormat(attachment: ChatAttachment): 'wav' | 'mp3' {
  const format = AUDIO_FORMATS.get((attachment.mediaType.split(';')[0] ?? '').trim().toLowerCase());
  if (format === undefined) throw unsendable(attachment, 'a wav or mp3 sound');
  return format;
}

/** The base64 text of a `data:` URL, made from percent-encoding where it is that (RFC 2397). */
function dataOf(url: string): string {
  const comma = url.indexOf(',');
  if (comma < 0) throw new DriaError({ code: 'InvalidAttachment', message: 'the data: URL has no data' });
  const data = url.slice(comma + 1);
  if (/;base64$/i.test(url.slice(0, comma))) return data;
  return Buffer.from(percentDecoded(data), 'latin1').toString('base64');
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function unsendable({ mediaType }: ChatAttachment, wanted: string): DriaError {
  return new DriaError({
    code: 'InvalidAttachment',
    message: `${mediaType.slice(0, 60)} cannot be sent: the API takes ${wanted} here`,
  });
}
