import { type BigIntStats, constants, createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../system-error.js';
import { InputError } from './errors.js';
import { printable } from './excerpt.js';
import { systemReason } from './system-error.js';

/** An input ready to be read once. */
export interface OpenedInput {
  readonly source: AsyncIterable<Uint8Array>;
  /** What messages call it: the path as given. */
  readonly name: string;
  /** Device and inode. */
  readonly identity: string;
  /** Size in bytes. */
  readonly bytes: number;
  /** Absolute folder that relative attachments are against: the file's own. */
  readonly folder: string;
  /** Throws {@link InputError} `CHANGED` when a file is no longer what it was when it was opened. */
  checkUnchanged(): Promise<void>;
}

/** Bytes per read: large enough that a read costs little beside the work on its lines. */
const READ_BYTES = 1024 * 1024;

/** Opens an input file. Throws {@link InputError}: missing, no file, unreadable. */
export async function openInput(file: string): Promise<OpenedInput> {
  const handle = await openFile(file);
  const stats = await handle.stat({ bigint: true }).finally(() => handle.close());
  if (!stats.isFile()) throw stats.isDirectory() ? isDirectory(file) : notAFile(file);
  return {
    source: readFile(file, { highWaterMark: READ_BYTES }),
    name: file,
    identity: `${stats.dev}:${stats.ino}`,
    bytes: Number(stats.size),
    folder: path.dirname(path.resolve(file)),
    checkUnchanged: () => checkUnchanged(file, stats),
  };
}

/** Reads a file. It is opened when it is first read: what nobody reads has nothing to close. */
export async function* readFile(
  file: string,
  options: { readonly highWaterMark?: number } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(file, options);
  } catch (error) {
    throw cannotOpen(file, error);
  }
}

async function checkUnchanged(file: string, before: BigIntStats): Promise<void> {
  const now = await stat(file, { bigint: true }).catch((error: unknown) => {
    throw cannotOpen(file, error);
  });
  const isSame = now.ino === before.ino && now.dev === before.dev && now.mtimeNs === before.mtimeNs;
  if (isSame && now.size === before.size) return;
  const sizes = now.size === before.size ? '' : `: it had ${before.size} bytes, and has ${now.size} now`;
  throw new InputError('CHANGED', file, `${printable(file)} changed while it was read${sizes}`);
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    // A pipe is refused, not waited for. (Windows does not have the flag.)
    return await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw cannotOpen(file, error);
  }
}

function cannotOpen(file: string, error: unknown): InputError {
  const name = printable(file);
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new InputError('NOT_FOUND', file, `${name}: no such file`, { cause: error });
    case 'EISDIR':
      return isDirectory(file);
    case 'ENXIO':
      return notAFile(file);
    case 'EACCES':
    case 'EPERM':
      return new InputError('DENIED', file, `${name}: permission denied`, { cause: error });
    default:
      return new InputError('UNREADABLE', file, `${name}: cannot be read: ${systemReason(error)}`, { cause: error });
  }
}

function isDirectory(file: string): InputError {
  return new InputError('IS_DIRECTORY', file, `${printable(file)} is a directory: give a JSONL file of prompts`);
}

function notAFile(file: string): InputError {
  return new InputError('UNREADABLE', file, `${printable(file)} is not a file: give a JSONL file of prompts`);
}
