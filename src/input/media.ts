import type { MediaModality } from '../batch/modality.js';

/** What can be attached: a format that models take. */
export interface MediaType {
  /** As it stands in a data URL: `image/png`. */
  readonly mediaType: string;
  readonly modality: MediaModality;
}

/** First bytes of a file that are enough to know its format. */
export const HEAD_BYTES = 4096;

const PNG: MediaType = { mediaType: 'image/png', modality: 'vision' };
const JPEG: MediaType = { mediaType: 'image/jpeg', modality: 'vision' };
const WEBP: MediaType = { mediaType: 'image/webp', modality: 'vision' };
const GIF: MediaType = { mediaType: 'image/gif', modality: 'vision' };
const WAV: MediaType = { mediaType: 'audio/wav', modality: 'audio' };
const MP3: MediaType = { mediaType: 'audio/mpeg', modality: 'audio' };
const PDF: MediaType = { mediaType: 'application/pdf', modality: 'document' };

/** All that can be attached. Staged inputs keep a place in this list: new ones go to its end. */
export const MEDIA_TYPES: readonly MediaType[] = [PNG, JPEG, WEBP, GIF, WAV, MP3, PDF];

/**
 * Formats by file-type's name for them: the images that OpenAI's vision guide names, the sounds that its
 * `input_audio` takes, the files that its `file` parts take. An animated PNG is a PNG to whoever does not animate it.
 */
const SUPPORTED: ReadonlyMap<string, MediaType> = new Map([
  ['png', PNG],
  ['apng', PNG],
  ['jpg', JPEG],
  ['webp', WEBP],
  ['gif', GIF],
  ['wav', WAV],
  ['mp3', MP3],
  ['pdf', PDF],
]);

/** The supported formats in words, for messages. */
export const SUPPORTED_FORMATS = 'images (PNG, JPEG, WebP, GIF), sounds (WAV, MP3) and PDF';

/** What the bytes are: a supported format, the media type of another one, or undefined for no known format. */
export async function mediaTypeOf(head: Uint8Array, extension = ''): Promise<MediaType | string | undefined> {
  // Loaded when there is something to look at: most inputs have no attachments, and a command should start soon.
  const { fileTypeFromBuffer } = await import('file-type');
  const found = await fileTypeFromBuffer(head);
  if (found !== undefined) return SUPPORTED.get(found.ext) ?? found.mime;
  // Only an MP3 may begin with other bytes than its own: padding before the first frame. The rest must have its magic.
  return extension.toLowerCase() === '.mp3' && hasMpegFrame(head) ? MP3 : undefined;
}

/** Looks for the header of an MPEG audio layer III frame (ISO 11172-3: 11 set bits, then version and layer). */
function hasMpegFrame(head: Uint8Array): boolean {
  return head.some((byte, at) => byte === 0xff && ((head[at + 1] ?? 0) & 0xe6) === 0xe2);
}

const AUDIO_EXTENSIONS = new Set(['.wav', '.mp3']);

/** The modality that a name's extension speaks for, where the content cannot be looked at. */
export function modalityOfExtension(extension: string): MediaType['modality'] {
  if (extension.toLowerCase() === '.pdf') return 'document';
  return AUDIO_EXTENSIONS.has(extension.toLowerCase()) ? 'audio' : 'vision';
}
