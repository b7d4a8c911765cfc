import { fileTypeFromBuffer } from 'file-type';
import { head, shortHash } from './hash.js';

const URL_HEAD_CHARS = 200;

/** An attachment as the record keeps it. A URL is not fetched: it has neither size nor hash of its content. */
export interface Attachment {
  readonly kind: 'image' | 'audio' | 'file';
  readonly bytes?: number;
  /** First 16 hex digits of the SHA-256 of the decoded bytes. */
  readonly sha256?: string;
  readonly url?: string;
}

/** What a node answers when it cannot read what it was sent. */
export class UnreadableAttachment extends Error {
  override readonly name = 'UnreadableAttachment';
}

/** Reads the `url` of an image part: a data URL that really holds an image, or an http(s) URL. */
export async function readImage(url: string): Promise<Attachment> {
  if (/^https?:\/\//i.test(url)) return { kind: 'image', url: head(url, URL_HEAD_CHARS) };
  const comma = url.indexOf(',');
  const header = comma < 0 ? '' : url.slice(0, comma);
  if (!/^data:image\/[\w.+-]+;base64$/i.test(header)) {
    throw new UnreadableAttachment('image_url must be an http(s) URL or a base64 data URL of an image');
  }
  return decode('image', url.slice(comma + 1));
}

/** Reads the base64 `data` of an audio part; its format must be what the part says. */
export async function readAudio(data: string, format: 'wav' | 'mp3'): Promise<Attachment> {
  return decode('audio', data, format);
}

/** Reads the `file_data` of a file part: a data URL of a PDF, or an http(s) URL. */
export async function readFile(data: string): Promise<Attachment> {
  if (/^https?:\/\//i.test(data)) return { kind: 'file', url: head(data, URL_HEAD_CHARS) };
  const [, base64] = /^data:application\/pdf;base64,(.*)$/is.exec(data) ?? [];
  if (base64 === undefined) {
    throw new UnreadableAttachment('Expected a base64-encoded data URL with an application/pdf MIME type');
  }
  return decode('file', base64);
}

const WANTED = { image: 'image/', audio: 'audio/', file: 'application/pdf' } as const;
const WORDS = { image: 'an image', audio: 'a sound', file: 'a PDF' } as const;

async function decode(kind: Attachment['kind'], base64: string, format?: string): Promise<Attachment> {
  const bytes = Buffer.from(base64, 'base64');
  // Buffer skips what is not base64; a length that does not fit gives such characters away.
  const padding = /={0,2}$/.exec(base64)?.[0].length ?? 0;
  if (bytes.length === 0 || bytes.length !== Math.floor(((base64.length - padding) * 3) / 4)) {
    throw new UnreadableAttachment(`${kind} is not valid base64`);
  }
  const type = await fileTypeFromBuffer(bytes);
  if (type === undefined || !type.mime.startsWith(WANTED[kind])) {
    throw new UnreadableAttachment(`${kind} data is not ${WORDS[kind]}`);
  }
  if (format !== undefined && type.ext !== format) {
    throw new UnreadableAttachment(`audio format is said to be ${format} but the data is ${type.ext}`);
  }
  return { kind, bytes: bytes.length, sha256: shortHash(bytes) };
}
