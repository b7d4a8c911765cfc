import { AttachmentError } from './errors.js';
import { excerpt } from './excerpt.js';
import { HEAD_BYTES, type MediaType, mediaTypeOf, SUPPORTED_FORMATS } from './media.js';
import { checkSize } from './size.js';

/** Type and parameters of a data URL (RFC 2397), up to the comma. */
const HEADER = /^data:([^,]*),/i;
/** Base64 with its padding (RFC 4648, section 4). */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** Whitespace that base64 encoders put between lines, as the WHATWG's forgiving decoder ignores it. */
const WHITESPACE = /[\t\n\f\r ]+/g;

/**
 * Checks a data URL: base64, not over `maxBytes`, and its content is of a supported format. The returned URL has the media
 * type of the content, whatever the given one was, and base64 without line breaks and with its padding. Throws
 * {@link AttachmentError}.
 */
export async function checkDataUrl(text: string, maxBytes: number): Promise<MediaType & { readonly url: string }> {
  const name = excerpt(text, 32);
  const header = HEADER.exec(text);
  if (header === null) throw new AttachmentError('MALFORMED', `${name} is not a data URL: it has no comma`);
  if (!/;\s*base64$/i.test(header[1] ?? '')) {
    throw new AttachmentError('MALFORMED', `${name} is not encoded in base64: write data:image/png;base64,…`);
  }
  const payload = padded(text.slice(header[0].length).replace(WHITESPACE, ''));
  checkSize(name, decodedBytes(payload), maxBytes);
  if (payload.length % 4 !== 0 || !BASE64.test(payload)) {
    throw new AttachmentError('MALFORMED', `${name} is not valid base64`);
  }
  const media = await mediaTypeOf(Buffer.from(payload.slice(0, Math.ceil(HEAD_BYTES / 3) * 4), 'base64'));
  if (typeof media !== 'object') {
    const what = media === undefined ? 'holds no known image, sound or PDF' : `holds ${media}`;
    throw new AttachmentError('UNSUPPORTED', `${name} ${what}; supported are ${SUPPORTED_FORMATS}`);
  }
  return { ...media, url: `data:${media.mediaType};base64,${payload}` };
}

/** Adds the padding that base64 was written without; a length that no base64 has stays as it is. */
function padded(payload: string): string {
  const missing = (4 - (payload.length % 4)) % 4;
  return missing === 3 || payload.endsWith('=') ? payload : payload + '='.repeat(missing);
}

function decodedBytes(payload: string): number {
  const padding = payload.endsWith('==') ? 2 : payload.endsWith('=') ? 1 : 0;
  return Math.floor((payload.length * 3) / 4) - padding;
}
