import type { ResultFormat } from '../batch/output-format.js';
import { ColumnFinder, type LineSettings, type Table } from './columns.js';
import { compressed } from './compress.js';
import { CSV, csvRows, TSV } from './csv.js';
import { flatLines, jsonArray } from './json.js';
import { eachLine, type Pieces } from './lines.js';
import { type BatchFacts, openaiLines } from './openai.js';
import { parquetFile } from './parquet.js';

/** What rendering needs of a run. */
export interface RenderedRun extends Omit<LineSettings, 'flatten'> {
  readonly facts: BatchFacts;
}

/** Returns true for a format whose columns must be known before the first row: its lines are read twice. */
export function hasColumns({ name, flatten }: ResultFormat): boolean {
  return flatten || name === 'csv' || name === 'tsv' || name === 'parquet';
}

/** Returns true for a format that is a run's own but for compression: nothing of the run is needed. */
export function isOwn({ name, flatten }: ResultFormat): boolean {
  return name === 'jsonl' && !flatten;
}

/**
 * Writes output lines in a format, in their order. `open` is called once, or twice for a format that
 * {@link hasColumns}, and must bring the same lines again. Memory does not grow with their number. Throws a `FormatError` for
 * what the lines cannot be written as.
 */
export async function* render(open: () => Pieces, format: ResultFormat, run: RenderedRun): AsyncGenerator<Uint8Array> {
  const bytes = rendered(open, format, run);
  if (format.compression === undefined) yield* bytes;
  else yield* compressed(bytes, format.compression);
}

async function* rendered(open: () => Pieces, format: ResultFormat, run: RenderedRun): AsyncGenerator<Uint8Array> {
  if (!hasColumns(format)) return yield* renderedLines(open(), format, run);
  const table = await findTable(open(), { ...run, flatten: format.flatten });
  const pieces = open();
  switch (format.name) {
    case 'csv':
      return yield* csvRows(pieces, table, CSV);
    case 'tsv':
      return yield* csvRows(pieces, table, TSV);
    case 'parquet':
      return yield* parquetFile(pieces, table);
    default:
      return yield* renderedLines(flatLines(pieces, table), format, run);
  }
}

async function* renderedLines(
  pieces: Pieces,
  { name }: ResultFormat,
  { facts, api }: RenderedRun,
): AsyncGenerator<Uint8Array> {
  if (name === 'json') yield* jsonArray(pieces);
  else if (name === 'openai') yield* openaiLines(pieces, { ...facts, api });
  else yield* pieces;
}

async function findTable(pieces: Pieces, settings: LineSettings): Promise<Table> {
  const finder = new ColumnFinder(settings);
  for await (const _ of eachLine(pieces, (line) => finder.add(line.toString('utf8'))));
  return finder.table();
}
