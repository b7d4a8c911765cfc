import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { asksOnce, type BatchOptions, hasKeysOfFiles } from '../batch/options.js';
import type { ReadOptions } from '../batch/read-options.js';
import { loadSchemaCompiler } from '../dria/schema-compiler.js';
import { InputError } from '../input/errors.js';
import type { InputFile } from '../input/input-file.js';
import { nameOfInput } from '../input/input-name.js';
import type { Measure } from '../input/line-reader.js';
import { detectFiles } from '../input/open-input.js';
import type { InputPlaces } from '../input/places.js';
import type { ReadRange } from '../input/read-items.js';
import { type ScanResult, scanInput } from '../input/scan.js';
import { DEFAULT_MAX_ATTACHMENT_BYTES } from '../input/size.js';
import type { Storage } from '../storage/storage.js';
import { NO_FOLDER } from '../store/settings.js';
import { beginCopy, type StoredCopy } from '../store/stored-copy.js';
import { UserError } from './errors.js';
import { keptPipe } from './kept-pipe.js';
import { openInputs } from './open-inputs.js';
import { Spool } from './spool.js';

/** The way out for an input that changes while it is read. */
export const WHEN_QUIET = 'Give the same command again when nobody writes to it any more.';

/** A checked input, ready to be staged. */
export interface ScannedFile {
  readonly scan: ScanResult;
  /** What messages and ids call it. */
  readonly name: string;
  /** Absolute folder that relative attachments are against. */
  readonly folder: string;
  /** Further folders that attachments may come from. */
  readonly roots: readonly string[];
  /** Reads the input once more, as JSONL. */
  open(): AsyncIterable<Uint8Array>;
  /** Reads the bytes `[start, end)` of it. */
  readonly readRange: ReadRange;
  /** What was stored of the input while it was read, for a large one. */
  readonly copy: StoredCopy | undefined;
  /** Removes what was only kept for the staging. */
  dispose(): Promise<void>;
}

/** What to check an input with. */
export interface ScanFileOptions {
  readonly options: BatchOptions;
  /** How its files are read. */
  readonly read: ReadOptions;
  readonly roots: readonly string[];
  /** The run whose answers are to be taken. */
  readonly reuse?: string | undefined;
  readonly stdin: Readable;
  readonly dataDir: string;
  readonly signal: AbortSignal;
  /** Settings of a bucket that the input is in. */
  readonly env: NodeJS.ProcessEnv;
  /** Measures each line, as in the scan: nothing is kept of the input then, since no run will come of it. */
  readonly measure?: Measure;
  /** Where the input will be staged. */
  readonly storage: Storage;
  readonly onProgress: (progress: ScanProgress) => void;
}

/** How far the reading of an input is. */
export interface ScanProgress {
  readonly bytes: number;
  readonly items: number;
  /** Size of the input, where it is known. */
  readonly total: number | undefined;
}

/** An input as JSONL that is about to be read. */
interface Reading {
  readonly source: AsyncIterable<Uint8Array>;
  readonly places: InputPlaces | undefined;
  /** Size of the stream, where it is known (bytes). */
  readonly bytes: number | undefined;
  readonly open: (start?: number, end?: number) => Readable;
  /** Reads it once more from the beginning. */
  readonly again: () => { readonly source: AsyncIterable<Uint8Array>; readonly places: InputPlaces | undefined };
}

/**
 * Reads the files of an input, or standard input for `-`, and checks all of it before anything is started. What comes
 * through a pipe and what is converted is kept in a file, since it is read a second time. A large file of JSONL is stored
 * while it is read, where the storage can do that. Throws a `UserError` with every problem.
 */
export async function scanFiles(inputs: readonly string[], options: ScanFileOptions): Promise<ScannedFile> {
  const spools: Spool[] = [];
  const openSpool = async (): Promise<Spool> => {
    const spool = await Spool.open(options.dataDir);
    spools.push(spool);
    return spool;
  };
  const removeSpools = async (): Promise<void> => {
    for (const spool of spools) await spool.remove();
  };
  try {
    const files = await openInputs(inputs, options);
    // Which rows are in a sample is known when all have been read: they are read twice.
    if (options.read.sample !== undefined) {
      for (const [at, file] of files.entries()) {
        if (file.readRange === undefined) files[at] = await keptPipe(file, await openSpool());
      }
    }
    const opened = await detectFiles(files, options.read, options.roots);
    const [folder = NO_FOLDER, ...others] = opened.folders;
    const about = { name: nameOfInput(files.map(({ name }) => name)), folder, roots: [...options.roots, ...others] };
    const checkUnchanged = async (): Promise<void> => {
      for (const file of files) await file.checkUnchanged();
    };
    const { plain } = opened;
    let reading: Reading;
    if (plain?.path === undefined) {
      // What no run will come of is not read again.
      const spool = options.measure === undefined || plain !== undefined ? await openSpool() : undefined;
      const { source, places } = opened.read();
      reading = {
        source: spool?.fill(source, about.name, plain !== undefined) ?? source,
        places,
        bytes: undefined,
        open: spool?.read ?? notKept,
        again: () => (spool === undefined ? opened.read() : { source: spool.read(), places }),
      };
    } else {
      reading = readingOf(plain.path, plain);
    }
    const scan = await scanReading(reading, { ...about, checkUnchanged }, options);
    return {
      ...scan,
      ...about,
      // Opened when it is first read: nothing is left open of an input that is stored already.
      open: async function* () {
        yield* reading.open();
      },
      readRange: async (start, end) => Buffer.concat(await reading.open(start, end).toArray()),
      dispose: async () => {
        scan.scan.close();
        await scan.copy?.discard();
        await removeSpools();
      },
    };
  } catch (error) {
    await removeSpools();
    throw error instanceof InputError ? unusable(error) : error;
  }
}

function notKept(): never {
  throw new Error('the input was not kept');
}

function unusable(error: InputError): UserError {
  if (error.code !== 'CHANGED') return new UserError(error.message, { exitCode: 2, cause: error });
  return new UserError(`${error.message}; nothing was started`, { exitCode: 2, hint: WHEN_QUIET, cause: error });
}

async function scanReading(
  { source, places, bytes, again }: Reading,
  about: Pick<ScannedFile, 'name' | 'folder' | 'roots'> & { readonly checkUnchanged: () => Promise<void> },
  { options, reuse, signal, storage, dataDir, onProgress, measure }: ScanFileOptions,
): Promise<Pick<ScannedFile, 'scan' | 'copy'>> {
  const { name, folder, roots, checkUnchanged } = about;
  const { model, skipInvalid, chunkSize, groupPrefix } = options;
  const attachments = { folder, roots, maxBytes: DEFAULT_MAX_ATTACHMENT_BYTES };
  const copy = measure === undefined ? await beginCopy(storage, bytes) : undefined;
  try {
    const scan = await scanInput({
      source: copy === undefined ? source : copy.of(source),
      name,
      places,
      attachments,
      model,
      chunkSize,
      skipInvalid,
      groupPrefix,
      api: options.api,
      placed: options,
      unique: (api) => asksOnce({ ...options, api }),
      hashFiles: hasKeysOfFiles(options, reuse),
      loadCompile: loadSchemaCompiler,
      signal,
      onProgress: (progress) => onProgress({ ...progress, total: bytes }),
      spill: { folder: dataDir, again },
      ...(measure === undefined ? {} : { measure }),
    });
    await checkUnchanged();
    return { scan, copy };
  } catch (error) {
    await copy?.discard();
    // A line that somebody was about to write is no bad line.
    if (error instanceof InputError) await checkUnchanged();
    throw error;
  }
}

/** Returns a file of JSONL as it is read and read again. */
function readingOf(path: string, file: InputFile): Reading {
  const open = (start = 0, end = Number.POSITIVE_INFINITY): Readable =>
    createReadStream(path, { start, end: Math.max(start, end - 1), highWaterMark: 1 << 20 });
  const again = () => ({ source: open(), places: undefined });
  return { source: file.stream(), places: undefined, bytes: file.bytes, open, again };
}
