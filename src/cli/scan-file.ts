import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { type BatchOptions, chunkSizeFor } from '../batch/options.js';
import { InputError } from '../input/errors.js';
import { openInput } from '../input/open.js';
import type { ReadRange } from '../input/read-items.js';
import { type ScanResult, scanInput } from '../input/scan.js';
import { DEFAULT_MAX_ATTACHMENT_BYTES } from '../input/size.js';
import { beginCopy, type StoredCopy } from '../input/stored-copy.js';
import type { Storage } from '../storage/storage.js';
import { UserError } from './errors.js';
import { type Spooled, spoolPipe } from './spool.js';

/** The way out for an input that changes while it is read. */
export const WHEN_QUIET = 'Give the same command again when nobody writes to it any more.';

/** A checked input, ready to be staged. */
export interface ScannedFile {
  readonly scan: ScanResult;
  /** What messages and ids call it. */
  readonly name: string;
  /** Absolute folder that relative attachments are against. */
  readonly folder: string;
  /** Reads the input once more. */
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
  readonly roots: readonly string[];
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  /** Measures each prompt, as in the scan: nothing is kept of the input then, since no run will come of it. */
  readonly measure?: (prompt: string) => number;
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

/**
 * Reads an input file, or standard input for `-`, and checks all of it before anything is started. What comes through a
 * pipe is kept in a temporary file, since it may be read a second time. A large file is stored while it is read, where
 * the storage can do that. Throws a `UserError` with every problem.
 */
export async function scanFile(file: string, options: ScanFileOptions): Promise<ScannedFile> {
  const spooled = await spoolPipe(file, options.stdin, options.signal);
  try {
    const scan = await scanOpened(file, spooled, options);
    const path = spooled?.path ?? file;
    return {
      ...scan,
      open: () => createReadStream(path, { highWaterMark: 1 << 20 }),
      readRange: (start, end) => readFileRange(path, start, end),
      dispose: async () => {
        await scan.copy?.discard();
        await spooled?.remove();
      },
    };
  } catch (error) {
    await spooled?.remove();
    throw error instanceof InputError ? unusable(error) : error;
  }
}

function unusable(error: InputError): UserError {
  if (error.code !== 'CHANGED') return new UserError(error.message, { exitCode: 2, cause: error });
  return new UserError(`${error.message}; nothing was started`, { exitCode: 2, hint: WHEN_QUIET, cause: error });
}

async function scanOpened(
  file: string,
  spooled: Spooled | undefined,
  { options, roots, signal, storage, onProgress, measure }: ScanFileOptions,
): Promise<Pick<ScannedFile, 'scan' | 'name' | 'folder' | 'copy'>> {
  const opened = await openInput(spooled?.path ?? file);
  const name = spooled?.name ?? opened.name;
  const folder = spooled === undefined ? opened.folder : resolve('.');
  const { skipInvalid } = options;
  const attachments = { folder, roots, maxBytes: DEFAULT_MAX_ATTACHMENT_BYTES };
  const copy = measure === undefined ? await beginCopy(storage, opened.bytes) : undefined;
  try {
    const scan = await scanInput({
      source: copy === undefined ? opened.source : copy.of(opened.source),
      name,
      attachments,
      chunkSize: chunkSizeFor(options),
      skipInvalid,
      signal,
      onProgress: (progress) => onProgress({ ...progress, total: opened.bytes }),
      ...(measure === undefined ? {} : { measure }),
    });
    await opened.checkUnchanged();
    return { scan, name, folder, copy };
  } catch (error) {
    await copy?.discard();
    // A line that somebody was about to write is no bad line.
    if (error instanceof InputError) await opened.checkUnchanged();
    throw error;
  }
}

async function readFileRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of createReadStream(path, { start, end: Math.max(start, end - 1) })) pieces.push(piece);
  return Buffer.concat(pieces);
}
