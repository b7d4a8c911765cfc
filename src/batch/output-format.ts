/** A format that results are written in. `jsonl` is what a run directory holds. */
export type OutputFormat = 'jsonl' | 'csv' | 'tsv' | 'parquet' | 'json' | 'openai';
export const OUTPUT_FORMATS = [
  'jsonl',
  'csv',
  'tsv',
  'parquet',
  'json',
  'openai',
] as const satisfies readonly OutputFormat[];

/** How results are compressed as a whole. Parquet compresses itself. */
export type Compression = 'gzip' | 'zstd';

/** What somebody wants of results beside the name of the output. */
export interface FormatChoice {
  /** Default: by the extension of the output's name; `jsonl` if it has none that says a format. */
  readonly format?: OutputFormat | undefined;
  /** Writes each field of a structured answer as a column of its own. Default false. */
  readonly flatten?: boolean | undefined;
}

/** How results are written. */
export interface ResultFormat {
  readonly name: OutputFormat;
  readonly compression?: Compression;
  readonly flatten: boolean;
}

/** A format that results cannot have; the message has the way out. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  /** Stable, for callers to match. */
  readonly code = 'INVALID_FORMAT';
}

const BY_EXTENSION: ReadonlyMap<string, OutputFormat> = new Map([
  ['jsonl', 'jsonl'],
  ['ndjson', 'jsonl'],
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['parquet', 'parquet'],
  ['json', 'json'],
]);

const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  ['gz', 'gzip'],
  ['zst', 'zstd'],
]);

/** Extensions of what is not written here: JSONL under such a name would mislead whoever opens it. */
const FOREIGN: ReadonlySet<string> = new Set(
  '7z arrow avro br bz2 db feather gzip lz4 ods orc pq sqlite tar tgz xls xlsx xz zip zstd'.split(' '),
);

/**
 * Returns how results are written to an output of this name; without a name they go to standard output. Throws a
 * {@link FormatError} if name and choice do not go together.
 */
export function resultFormat(output: string | undefined, { format, flatten = false }: FormatChoice = {}): ResultFormat {
  const extensions = extensionsOf(output ?? '');
  const compression = COMPRESSIONS.get(extensions.at(-1) ?? '');
  const extension = extensions.at(compression === undefined ? -1 : -2) ?? '';
  const name = format ?? BY_EXTENSION.get(extension);
  if (name === undefined) refuseUnknown(output ?? '', extension, compression);
  const found = { name: name ?? 'jsonl', flatten };
  if (flatten && name === 'openai') {
    throw new FormatError('the format openai has its own fields: leave out flatten, or choose another format');
  }
  if (compression === undefined) return found;
  if (name === 'parquet') {
    throw new FormatError(
      `${output}: Parquet is compressed inside: name it ${without(output ?? '', extensions.at(-1))}`,
    );
  }
  return { ...found, compression };
}

function refuseUnknown(output: string, extension: string, compression: Compression | undefined): void {
  if (compression !== undefined) {
    throw new FormatError(
      `${output}: the name does not say what is compressed: give one like results.jsonl.gz or results.csv.gz, or the ` +
        'output format beside it',
    );
  }
  if (!FOREIGN.has(extension)) return;
  throw new FormatError(
    `${output}: no .${extension} is written here: give a name that ends in .jsonl, .csv, .tsv, .json or .parquet, the ` +
      'first four also with .gz or .zst, or the output format beside it',
  );
}

/** Returns what stands behind the dots of a name, in lower case. */
function extensionsOf(output: string): string[] {
  const name = output.split(/[/\\]/).at(-1) ?? '';
  return name.toLowerCase().split('.').slice(1);
}

function without(output: string, extension = ''): string {
  return output.slice(0, output.length - extension.length - 1);
}

/** Throws a {@link FormatError} if the answers of a run cannot be flattened for want of a schema. */
export function requireSchema({ flatten }: Pick<ResultFormat, 'flatten'>, hasSchema: boolean): void {
  if (!flatten || hasSchema) return;
  throw new FormatError(
    'the run has no schema, so its answers have no fields to flatten: give a schema, or leave out flatten',
  );
}
