import { createHash } from 'node:crypto';
import { z } from 'zod';
import { checkedStream } from '../input/checked-stream.js';
import { damaged, type Storage } from '../storage/storage.js';

/** What is kept of a written object's content. */
export const contentSchema = z.object({ bytes: z.number(), sha256: z.string() });
export type Content = z.output<typeof contentSchema>;

/** Size and hash of a stream. */
export class Checksum {
  private readonly hash = createHash('sha256');
  private bytes = 0;

  async *of(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of pieces) {
      this.hash.update(piece);
      this.bytes += piece.byteLength;
      yield piece;
    }
  }

  /** Returns what has passed. To be called once. */
  value(): Content {
    return { bytes: this.bytes, sha256: this.hash.digest('hex') };
  }
}

/** Streams an object. Throws `NOT_FOUND` if there is none, and at its end `DAMAGED` for one that is not what was written. */
export async function* streamChecked(
  storage: Storage,
  key: string,
  written: Content,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* checkedStream(await storage.stream(key), written, (bytes) => {
    const sizes = bytes === written.bytes ? '' : `: it has ${bytes} bytes, ${written.bytes} were written`;
    return damaged(storage, key, `it is not what was written${sizes}`);
  });
}
