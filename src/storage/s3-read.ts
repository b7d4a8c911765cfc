/** One answer of the store to a read: the bytes as they come, and how many there must be. */
export interface S3Body {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Bytes of the whole object. */
  readonly size: number;
  /** The version of the object that is read. */
  readonly etag: string | undefined;
}

/** Opens an object from a byte on, only if it still has the given version. */
export type OpenFrom = (start: number, etag: string | undefined) => Promise<S3Body>;

/** Times in a row that a cut body is asked for again without a byte more. */
const TRIES = 5;

/**
 * Reads an object to its end. A connection that is cut on the way is opened again where it ended: results of gigabytes
 * should not begin anew. Throws when it stays cut, or the object was replaced meanwhile.
 */
export async function* readThrough(first: S3Body, openFrom: OpenFrom): AsyncGenerator<Uint8Array, void, undefined> {
  const { size, etag } = first;
  let body: S3Body | undefined = first;
  let done = 0;
  let failed: unknown = new Error('the connection ended early');
  for (let tries = 0; tries < TRIES; tries++) {
    const before = done;
    try {
      body ??= await openFrom(done, etag);
      for await (const bytes of body.bytes) {
        done += bytes.byteLength;
        yield bytes;
      }
      if (done >= size) return;
    } catch (error) {
      failed = error;
    }
    body = undefined;
    if (done > before) tries = 0;
  }
  throw failed;
}
