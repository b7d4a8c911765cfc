import { AttachmentError } from './errors.js';

/** Largest attachment unless told otherwise: 20 MB, that is 20,000,000 bytes before base64. */
export const DEFAULT_MAX_ATTACHMENT_BYTES = 20_000_000;

/** Refuses an attachment that is empty or over the limit. `name` is what the message calls it. */
export function checkSize(name: string, bytes: number, maxBytes: number): void {
  if (bytes <= 0) throw new AttachmentError('EMPTY', `${name} is empty`);
  if (bytes > maxBytes) {
    throw new AttachmentError(
      'TOO_LARGE',
      `${name} is too large: ${inWords(bytes)}; the limit is ${inWords(maxBytes)}`,
    );
  }
}

function inWords(bytes: number): string {
  const exact = `${bytes.toLocaleString('en-US')} bytes`;
  return bytes < 1_000_000
    ? exact
    : `${exact} (${(bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB)`;
}
