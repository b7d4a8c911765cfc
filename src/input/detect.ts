import path from 'node:path';
import type { InputFormat, ReadOptions } from '../batch/read-options.js';
import { type Compression, compressionOf, decompressed, withoutExtension } from './compression.js';
import { type BegunStream, firstBytes, replayed } from './first-bytes.js';
import { formatOf } from './format-of.js';
import type { InputFile } from './input-file.js';
import { refuseOtherFormats } from './other-formats.js';

/** A file of an input whose format is known. */
export interface DetectedFile {
  readonly file: InputFile;
  readonly format: InputFormat;
  readonly compression: Compression | undefined;
  /** Reads its content, decompressed; of a pipe once. */
  content(): AsyncIterable<Uint8Array>;
}

/** Bytes by which a format is known. */
const HEAD_BYTES = 64 * 1024;

/**
 * Finds out what a file is: by `--format`, else by its first bytes, else by its extension. `columns` are those that make a
 * table's first line one. Throws an `InputError` for what is none of the formats and easily met.
 */
export async function detectFile(
  file: InputFile,
  options: ReadOptions,
  columns: readonly string[] | undefined,
): Promise<DetectedFile> {
  const raw = await begin(file.stream());
  const compression = compressionOf(raw.head);
  const isPipe = file.readRange === undefined;
  if (compression === undefined) {
    if (!isPipe) await raw.close();
    const content = () => (isPipe ? replayed(raw) : file.stream());
    return { file, compression, format: formatIn(raw.head, file.name, file.name), content };
  }
  const inner = await begin(decompressed(replayed(raw), compression, file.name));
  if (!isPipe) await inner.close();
  return {
    file,
    compression,
    format: formatIn(inner.head, `what is in ${file.name}`, withoutExtension(file.name)),
    content: () => (isPipe ? replayed(inner) : decompressed(file.stream(), compression, file.name)),
  };

  function begin(source: AsyncIterable<Uint8Array>): Promise<BegunStream> {
    return firstBytes(source, HEAD_BYTES);
  }

  function formatIn(head: Buffer, messageName: string, name: string): InputFormat {
    refuseOtherFormats(messageName, head);
    return options.format ?? formatOf(head, path.extname(name).toLowerCase(), columns);
  }
}
