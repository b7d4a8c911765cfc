import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { z } from 'zod';
import { type Compression, FormatError } from '../batch/output-format.js';
import type { Pieces } from './lines.js';

/** Node's own Zstandard, which is not in every Node that this package runs on. */
const zstdSchema = z.object({
  createZstdCompress: z.custom<() => Transform>((value) => typeof value === 'function'),
});

/** Throws a {@link FormatError} if this Node cannot compress so. */
export function checkCompression(compression: Compression | undefined): void {
  if (compression === 'zstd') zstd();
}

/** Compresses bytes as they come, into one gzip member or Zstandard frame, which all readers take. */
export async function* compressed(source: Pieces, compression: Compression): AsyncGenerator<Uint8Array> {
  const transform = compression === 'gzip' ? zlib.createGzip() : zstd().createZstdCompress();
  // What ends it early is thrown to whoever reads; whoever stops reading needs no error.
  const flowing = pipeline(source, transform).catch(() => undefined);
  try {
    for await (const piece of transform) yield Buffer.from(piece);
  } finally {
    transform.destroy();
    await flowing;
  }
}

function zstd(): z.output<typeof zstdSchema> {
  const found = zstdSchema.safeParse({ ...zlib });
  if (found.success) return found.data;
  throw new FormatError(
    `.zst needs Node 22.15 or newer, and this is Node ${process.versions.node}: give a name that ends in .gz`,
  );
}
