/** A stream whose first bytes have been read. */
export interface BegunStream {
  readonly head: Buffer;
  readonly rest: AsyncIterator<Uint8Array>;
  /** Ends it: no more is read. */
  close(): Promise<void>;
}

/** Reads the first bytes of a stream: so many, or all if there are fewer; the piece they end in is read whole. */
export async function firstBytes(source: AsyncIterable<Uint8Array>, count: number): Promise<BegunStream> {
  const rest = source[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < count) {
    const { done, value } = await rest.next();
    if (done === true) break;
    // A copy: the source may reuse its piece.
    pieces.push(Buffer.from(value));
    bytes += value.byteLength;
  }
  const close = async () => {
    await rest.return?.();
  };
  return { head: Buffer.concat(pieces), rest, close };
}

/** Yields a stream from its beginning, though its first bytes have been read. */
export async function* replayed({ head, rest, close }: BegunStream): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (head.length > 0) yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await close();
  }
}
