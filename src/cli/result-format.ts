import {
  type FormatChoice,
  FormatError,
  type ResultFormat,
  requireSchema,
  resultFormat,
} from '../batch/output-format.js';
import type { Storage } from '../storage/storage.js';
import { ifThere } from '../store/json.js';
import { readStoredSettings } from '../store/settings.js';
import { UserError } from './errors.js';
import type { FormatFlags } from './format-flags.js';
import type { Io } from './io.js';

/** Where results go, and how they are written. */
export interface Wanted extends FormatChoice {
  readonly output?: string | undefined;
}

/** Returns what flags say of the results: with nothing said, what is noted of them. */
export function wantedFrom(
  { output, outputFormat: format, flatten }: FormatFlags & { readonly output?: string | undefined },
  noted: Wanted = {},
): Wanted {
  if (output === undefined && format === undefined && !flatten) return noted;
  return { output: output ?? noted.output, format, flatten };
}

/** Returns how results are written. Throws a `UserError` for what does not go together, and for bytes to a terminal. */
export async function formatFrom(wanted: Wanted, { stdout }: Pick<Io, 'stdout'>): Promise<ResultFormat> {
  return await saidOfFormats(async () => {
    const format = resultFormat(wanted.output, wanted);
    if (format.compression === 'zstd') {
      const { checkCompression } = await import('../formats/compress.js');
      checkCompression(format.compression);
    }
    if (format.name === 'parquet' && wanted.output === undefined && stdout.isTTY === true) {
      throw new FormatError('Parquet is not for a terminal: give -o results.parquet, or send it to a file or a pipe');
    }
    return format;
  });
}

/**
 * Throws a `UserError` if answers of a run that is there cannot be flattened, for want of a schema. A run that has no settings yet
 * is not asked.
 */
export async function checkFlatten(storage: Storage, run: string, format: ResultFormat): Promise<void> {
  if (!format.flatten) return;
  const settings = await ifThere(readStoredSettings(storage, run));
  if (settings !== undefined) await saidOfFormats(() => requireSchema(format, settings.schema !== undefined));
}

/** Does something, and throws a `UserError` for a format that cannot be. */
export async function saidOfFormats<T>(action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof FormatError ? new UserError(inFlags(error.message), { exitCode: 2, cause: error }) : error;
  }
}

/** Returns a message in the words of the command line. */
function inFlags(message: string): string {
  return message
    .replaceAll('leave out flatten', 'leave out --flatten')
    .replaceAll('give a schema', 'give --schema or --schema-file')
    .replaceAll('the output format beside it', '--output-format')
    .replaceAll('outputFormat and flatten are about output', '--output-format and --flatten are about --output')
    .replaceAll('write them as jsonl', 'give --output-format jsonl');
}
