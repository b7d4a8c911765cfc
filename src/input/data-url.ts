import { AttachmentError } from './errors.js';
import { excerpt } from './excerpt.js';
import { HEAD_BYTES, type MediaType, mediaTypeOf, SUPPORTED_FORMATS } from './media.js';
import { checkSize } from './size.js';

/** Type and parameters of a data URL (RFC 2397), up to the comma. */
const HEADER = /^data:([^,]*),/i;
/** Base64 with its padding (RFC 4648, section 4). */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Checks a data URL: base64, not over `maxBytes`, and its content is of a supported format. The URL given back says
 * the media type that the content has, whatever the one given said. Throws {@link AttachmentError}.
 */
export async function checkDataUrl(text: string, maxBytes: number): Promise<MediaType & { readonly url: string }> {
  const name = excerpt(text, 32);
  const header = HEADER.exec(text);
  if (header === null) throw new AttachmentError('MALFORMED', `${name} is not a data URL: it has no comma`);
  if (!/;\s*base64$/i.test(header[1] ?? '')) {
    throw new AttachmentError('MALFORMED', `${name} is not encoded in base64: write data:image/png;base64,…`);
  }
  const payload = text.slice(header[0].length);
  checkSize(name, decodedBytes(payload), maxBytes);
  if (payload.length % 4 !== 0 || !BASE64.test(payload)) {
    throw new AttachmentError('MALFORMED', `${name} is not valid base64`);
  }
  const media = await mediaTypeOf(Buffer.from(payload.slice(0, Math.ceil(HEAD_BYTES / 3) * 4), 'base64'));
  if (typeof media !== 'object') {
    const what = media === undefined ? 'holds no known image or sound' : `holds ${media}`;
    throw new AttachmentError('UNSUPPORTED', `${name} ${what}; supported are ${SUPPORTED_FORMATS}`);
  }
  return { ...media, url: `data:${media.mediaType};base64,${payload}` };
}

function decodedBytes(payload: string): number {
  const padding = payload.endsWith('==') ? 2 : payload.endsWith('=') ? 1 : 0;
  return Math.floor((payload.length * 3) / 4) - padding;
}
