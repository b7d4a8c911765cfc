import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Headers } from './retry-after.js';

/** Returns the text of an answer's bytes: unpacked if they are compressed, though nobody asked for it, and without a byte-order mark. */
export function answerText(bytes: Buffer, headers: Headers, maxBytes: number): string {
  const encoding = headers['content-encoding'];
  const isGzip = bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = encoding === undefined && !isGzip ? bytes : unpacked(bytes, encodings(encoding, isGzip), maxBytes);
  const text = plain.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function encodings(header: string | string[] | undefined, isGzip: boolean): string[] {
  if (header === undefined) return isGzip ? ['gzip'] : [];
  return String(header)
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}

/** Undoes the encodings, the last one first. What does not unpack is taken as it is: some servers name one and send none. */
function unpacked(bytes: Buffer, names: readonly string[], maxOutputLength: number): Buffer {
  try {
    return names.reduceRight((packed, name) => unpack(packed, name, maxOutputLength), bytes);
  } catch {
    return bytes;
  }
}

function unpack(bytes: Buffer, name: string, maxOutputLength: number): Buffer {
  const options = { maxOutputLength };
  if (name === 'gzip' || name === 'x-gzip') return gunzipSync(bytes, options);
  if (name === 'br') return brotliDecompressSync(bytes, options);
  if (name !== 'deflate') return bytes;
  // RFC 9110 means zlib's form; some servers send the raw one.
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8 && ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) % 31 === 0;
  return isZlib ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
}
