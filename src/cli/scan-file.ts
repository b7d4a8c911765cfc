import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BatchOptions, chunkSizeFor } from '../batch/options.js';
import { InputError } from '../input/errors.js';
import { openInput } from '../input/open.js';
import type { ReadRange } from '../input/read-items.js';
import { type ScanResult, scanInput } from '../input/scan.js';
import { DEFAULT_MAX_ATTACHMENT_BYTES } from '../input/size.js';
import { UserError } from './errors.js';

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
  /** Removes what was only kept for the staging. */
  dispose(): Promise<void>;
}

/** What to check an input with. */
export interface ScanFileOptions {
  readonly options: BatchOptions;
  readonly roots: readonly string[];
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly bytes: number; readonly items: number }) => void;
  /** Measures each prompt, as in the scan. */
  readonly measure?: (prompt: string) => number;
}

/**
 * Reads an input file, or standard input for `-`, and checks all of it before anything is started. Standard input is
 * kept in a temporary file, since it is read a second time when it is staged. Throws a `UserError` with every problem.
 */
export async function scanFile(file: string, options: ScanFileOptions): Promise<ScannedFile> {
  const spooled = file === '-' ? await spool(options) : undefined;
  try {
    const scan = await scanOpened(file, spooled?.path, options);
    const path = spooled?.path ?? file;
    return {
      ...scan,
      open: () => createReadStream(path, { highWaterMark: 1 << 20 }),
      readRange: (start, end) => readFileRange(path, start, end),
      dispose: async () => await spooled?.remove(),
    };
  } catch (error) {
    await spooled?.remove();
    if (error instanceof InputError) throw new UserError(error.message, { exitCode: 2, cause: error });
    throw error;
  }
}

async function scanOpened(
  file: string,
  spooled: string | undefined,
  { options, roots, signal, onProgress, measure }: ScanFileOptions,
): Promise<Pick<ScannedFile, 'scan' | 'name' | 'folder'>> {
  const opened = await openInput(spooled ?? file);
  const name = spooled === undefined ? opened.name : 'standard input';
  const folder = spooled === undefined ? opened.folder : resolve('.');
  const { skipInvalid } = options;
  const attachments = { folder, roots, maxBytes: DEFAULT_MAX_ATTACHMENT_BYTES };
  const scan = await scanInput({
    source: opened.source,
    name,
    attachments,
    chunkSize: chunkSizeFor(options),
    skipInvalid,
    signal,
    onProgress,
    ...(measure === undefined ? {} : { measure }),
  });
  return { scan, name, folder };
}

async function readFileRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of createReadStream(path, { start, end: Math.max(start, end - 1) })) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function spool({ stdin, signal }: ScanFileOptions): Promise<{ path: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'dria-temporal-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const path = join(folder, 'stdin.jsonl');
  try {
    await pipeline(stdin, createWriteStream(path, { mode: 0o600 }), { signal });
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
