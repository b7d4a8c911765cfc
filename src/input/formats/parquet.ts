import type { FileMetaData, SchemaElement } from 'hyparquet';
import type { DetectedFile } from '../detect.js';
import { InputError } from '../errors.js';
import { excerpt, printable } from '../excerpt.js';
import type { Row, RowBatch, RowSource } from '../rows.js';
import { unpack } from '../unpacked-file.js';
import { compressors } from './parquet-codecs.js';
import { jsonValue, NO_STATISTICS, PARSERS } from './parquet-values.js';

/** Rows of a batch. */
const BATCH_ROWS = 1000;

/** Maximum size of what is read of a row group at once (bytes, decompressed), and maximum rows: it is in memory. */
const MAX_GROUP_BYTES = 2 ** 31;
const MAX_GROUP_ROWS = 20_000_000;

/** Maximum size of a footer (bytes). */
const MAX_FOOTER_BYTES = 256 << 20;

/** Opens a Parquet file; a row group is read at a time. Throws an `InputError` for one that is damaged or cannot be read. */
export async function openParquetRows(detected: DetectedFile): Promise<RowSource> {
  const { file, compression } = detected;
  const { name } = file;
  if (file.readRange === undefined || file.bytes === undefined) {
    throw new InputError('NOT_TEXT', name, `${printable(name)} is Parquet, which is not read from a pipe: give a file`);
  }
  const unpacked = compression === undefined ? undefined : await unpack(detected.content());
  const { bytes, readRange } = unpacked ?? { bytes: file.bytes, readRange: file.readRange };
  const remove = async (): Promise<void> => await unpacked?.remove();
  try {
    const source = {
      byteLength: bytes,
      slice: async (start: number, end: number = bytes) =>
        arrayBufferOf(await readRange(start, end), name, end - start),
    };
    const metadata = await readMetadata(source, name);
    const columns = topLevel(metadata.schema).map((element) => element.name);
    return {
      columns,
      batches: (wanted) => {
        const read = wanted === undefined ? columns : columns.filter((column) => wanted.includes(column));
        return readGroups(source, metadata, read, name);
      },
      close: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Bytes that can be read anywhere. */
interface ByteSource {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

async function* readGroups(
  source: ByteSource,
  metadata: FileMetaData,
  columns: readonly string[],
  name: string,
): AsyncGenerator<RowBatch, void, undefined> {
  checkGroups(metadata, columns, name);
  const { parquetScan } = await import('hyparquet');
  const scan = await parquetScan({
    file: source,
    metadata,
    columns: [...columns],
    compressors: await compressors(),
    parsers: PARSERS,
    useOffsetIndex: false,
  }).catch((error: unknown) => {
    throw damaged(name, 'is damaged: its footer is not as it must be', error);
  });
  for (const { rowStart, rowEnd } of scan.ranges) {
    const data: ArrayLike<unknown>[] = [];
    for (const column of columns) {
      data.push(
        await scan.readColumn({ column, rowStart, rowEnd }).catch((error: unknown) => {
          throw unreadable(name, column, rowStart, error);
        }),
      );
    }
    yield* batchesOf(data, columns, rowStart, rowEnd, name);
  }
}

function* batchesOf(
  data: readonly ArrayLike<unknown>[],
  columns: readonly string[],
  rowStart: number,
  rowEnd: number,
  file: string,
): Generator<RowBatch, void, undefined> {
  for (let from = rowStart; from < rowEnd; from += BATCH_ROWS) {
    const batch: Row[] = [];
    for (let row = from; row < Math.min(from + BATCH_ROWS, rowEnd); row++) {
      const values = data.map((column) => jsonValue(column[row - rowStart]));
      batch.push({ columns, values, number: row + 1, file });
    }
    yield batch;
  }
}

async function readMetadata(source: ByteSource, name: string): Promise<FileMetaData> {
  const { byteLength } = source;
  const tail = byteLength < 12 ? undefined : Buffer.from(await source.slice(byteLength - 8, byteLength));
  if (tail === undefined || tail.toString('latin1', 4) !== 'PAR1') {
    throw damaged(name, 'is cut off: a Parquet file ends with PAR1', undefined);
  }
  const footer = tail.readUInt32LE(0);
  if (footer > byteLength - 12) throw damaged(name, 'is damaged: its footer is longer than the file', undefined);
  if (footer > MAX_FOOTER_BYTES) throw damaged(name, 'has a footer of more than 256 MiB', undefined);
  const { parquetMetadataAsync } = await import('hyparquet');
  try {
    return await parquetMetadataAsync(source, { parsers: NO_STATISTICS, geoparquet: false });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw damaged(name, `is damaged: its footer cannot be read`, error);
  }
}

/** Returns the columns of a schema, those that are nested whole. */
function topLevel(schema: readonly SchemaElement[]): SchemaElement[] {
  const columns: SchemaElement[] = [];
  let at = 1;
  const skip = (): void => {
    const children = schema[at]?.num_children ?? 0;
    at++;
    for (let child = 0; child < children; child++) skip();
  };
  while (at < schema.length) {
    const element = schema[at];
    if (element !== undefined) columns.push(element);
    skip();
  }
  return columns;
}

/** Throws for what would not fit into memory, and for compression that is not read. */
function checkGroups({ row_groups }: FileMetaData, columns: readonly string[], name: string): void {
  for (const [at, { num_rows, columns: chunks }] of row_groups.entries()) {
    let bytes = 0n;
    for (const { meta_data: chunk } of chunks) {
      const [column = ''] = chunk?.path_in_schema ?? [];
      if (chunk === undefined || !columns.includes(column)) continue;
      bytes += chunk.total_uncompressed_size;
      if (!CODECS.has(chunk.codec)) {
        const message = `is compressed with ${chunk.codec} in column ${excerpt(column)}: write it with snappy, gzip, brotli, zstd, lz4 or none`;
        throw damaged(name, message, undefined);
      }
    }
    if (bytes <= MAX_GROUP_BYTES && num_rows <= MAX_GROUP_ROWS) continue;
    const size = `${num_rows.toLocaleString('en')} rows and ${(bytes >> 20n).toLocaleString('en')} MiB`;
    throw damaged(
      name,
      `has ${size} in row group ${at + 1}, which is read at once: write it with smaller row groups`,
      undefined,
    );
  }
}

const CODECS: ReadonlySet<string> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4', 'LZ4_RAW']);

function arrayBufferOf(bytes: Uint8Array, name: string, wanted: number): ArrayBuffer {
  if (bytes.byteLength !== wanted) throw damaged(name, 'is cut off: it is shorter than its footer says', undefined);
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}

function unreadable(name: string, column: string, rowStart: number, error: unknown): unknown {
  if (error instanceof InputError) return error;
  const reason = error instanceof Error ? printable(error.message) : String(error);
  const message = `${printable(name)}, column ${excerpt(column)}: the row group from row ${rowStart + 1} cannot be read: ${reason}`;
  return new InputError('DAMAGED', name, message, { cause: error });
}

function damaged(name: string, how: string, cause: unknown): InputError {
  return new InputError('DAMAGED', name, `${printable(name)} ${how}`, { cause });
}
