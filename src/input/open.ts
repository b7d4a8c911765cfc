import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../system-error.js';
import { InputError } from './errors.js';
import { printable } from './excerpt.js';
import { systemReason } from './system-error.js';

/** An input ready to be read once. */
export interface OpenedInput {
  readonly source: AsyncIterable<Uint8Array>;
  /** What messages call it: the path as given, or `standard input`. */
  readonly name: string;
  /** Size in bytes; undefined for standard input and pipes, whose end nobody knows. */
  readonly bytes: number | undefined;
  /** Absolute folder that relative attachments are against: the file's own, or the current one for standard input. */
  readonly folder: string;
  /** Throws {@link InputError} `CHANGED` when a file is no longer what it was when it was opened. */
  checkUnchanged(): Promise<void>;
}

/** Bytes per read: large enough that a read costs little beside the work on its lines. */
const READ_BYTES = 1024 * 1024;

/** Opens an input file, or standard input for `-`. Throws {@link InputError}: missing, a directory, unreadable. */
export async function openInput(file: string): Promise<OpenedInput> {
  if (file === '-') {
    const checkUnchanged = async (): Promise<void> => undefined;
    return { source: process.stdin, name: 'standard input', bytes: undefined, folder: process.cwd(), checkUnchanged };
  }
  const handle = await openFile(file);
  const stats = await handle.stat({ bigint: true });
  if (stats.isDirectory()) {
    await handle.close();
    throw isDirectory(file);
  }
  return {
    source: handle.createReadStream({ highWaterMark: READ_BYTES }),
    name: file,
    bytes: stats.isFile() ? Number(stats.size) : undefined,
    folder: path.dirname(path.resolve(file)),
    checkUnchanged: () => checkUnchanged(file, stats),
  };
}

/** A pipe has no state to compare: it is read once, by us alone. */
async function checkUnchanged(file: string, before: BigIntStats): Promise<void> {
  if (!before.isFile()) return;
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
    return await open(file, 'r');
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
