import { createHash } from 'node:crypto';

/** What a stream must turn out to be. */
export interface Expected {
  /** SHA-256 of its bytes, hex. */
  readonly sha256: string;
  /** Its length. */
  readonly bytes: number;
}

/**
 * Passes a stream on and throws at its end what `changed` gives when it was not what was expected: then whoever writes
 * it keeps nothing of it.
 */
export async function* checkedStream(
  source: AsyncIterable<Uint8Array>,
  expected: Expected,
  changed: (bytes: number) => Error,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of source) {
    hash.update(piece);
    bytes += piece.byteLength;
    yield piece;
    onBytes(piece.byteLength);
  }
  if (bytes !== expected.bytes || hash.digest('hex') !== expected.sha256) throw changed(bytes);
}
