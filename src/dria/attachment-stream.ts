import { Readable } from 'node:stream';
import { base64Length, encodeBase64 } from './base64-stream.js';
import type { ChatBody } from './body-pieces.js';
import type { StreamedAttachment } from './chat-request.js';
import { DriaError } from './errors.js';
import { isObject } from './json.js';

/** A body that is made while it is sent. */
export interface BodyStream {
  readonly stream: Readable;
  /** Length of the whole body, bytes. */
  readonly length: number;
  /** Why an attachment could not be read to its end, if so: then the request's own error is only its consequence. */
  failure(): { readonly error: unknown } | undefined;
}

/** Codes of files and objects that are not there or not allowed, whichever storage they came from. */
const UNREADABLE: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'EACCES',
  'EPERM',
  'EISDIR',
  'ENOTDIR',
  'ELOOP',
  'NOT_FOUND',
  'DENIED',
]);

/**
 * Streams a body: texts as they are, attachments in base64. Nothing is opened before the first byte is wanted, and what was
 * opened is closed when the stream is destroyed.
 * An attachment that is gone, forbidden or of another size than it said fails as `InvalidAttachment`; any other error of
 * its source (a storage that is down for now) is kept as it is, for it may pass.
 */
export function bodyStream(body: ChatBody): BodyStream {
  let failure: { readonly error: unknown } | undefined;
  const content = async function* () {
    try {
      for (const piece of body) {
        if (typeof piece === 'string') yield Buffer.from(piece);
        else for await (const text of encodeBase64(checkedBytes(piece))) yield Buffer.from(text, 'latin1');
      }
    } catch (error) {
      failure = { error: attachmentError(error) };
      throw error;
    }
  };
  const stream = Readable.from(content(), { objectMode: false });
  // The request reports what went wrong; without a listener a late error would end the process.
  stream.on('error', () => {});
  const length = body.reduce(
    (sum, piece) => sum + (typeof piece === 'string' ? Buffer.byteLength(piece) : base64Length(piece.bytes)),
    0,
  );
  return { stream, length, failure: () => failure };
}

async function* checkedBytes(attachment: StreamedAttachment): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of await attachment.open()) {
    read += chunk.byteLength;
    if (read > attachment.bytes) break;
    yield chunk;
  }
  if (read === attachment.bytes) return;
  const more = read > attachment.bytes ? 'more' : `${read}`;
  throw new DriaError({
    code: 'InvalidAttachment',
    message: `the attachment has changed: ${attachment.bytes} bytes were expected, ${more} were read`,
  });
}

function attachmentError(error: unknown): unknown {
  if (!isObject(error) || !UNREADABLE.has(error.code)) return error;
  return new DriaError({
    code: 'InvalidAttachment',
    message: `the attachment cannot be read (${error.code})`,
    cause: error,
  });
}
