import { type FileHandle, open } from 'node:fs/promises';
import { openInput, readFile } from './open.js';

/** A file of an input, wherever it is. */
export interface InputFile {
  /** What messages call it. */
  readonly name: string;
  /** What it has in common with no other file, however it is named. */
  readonly identity: string;
  /** Absolute folder that relative attachments are against; undefined if there is none, as in a bucket. */
  readonly folder: string | undefined;
  /** Its path, if it is a file of this machine. */
  readonly path?: string;
  /** Size (bytes); undefined for a pipe. */
  readonly bytes: number | undefined;
  /** Reads all of it; a pipe can be read once. */
  stream(): AsyncIterable<Uint8Array>;
  /** Reads the bytes `[start, end)`; absent for a pipe. */
  readonly readRange?: (start: number, end: number) => Promise<Uint8Array>;
  /** Throws an `InputError` with code `CHANGED` if it is no longer what it was when it was opened. */
  checkUnchanged(): Promise<void>;
}

/** Bytes of one read. */
const READ_BYTES = 1 << 20;

/** Opens a file of this machine. Throws an `InputError`: missing, no file, unreadable. */
export async function localFile(path: string): Promise<InputFile> {
  const { name, identity, folder, bytes, checkUnchanged } = await openInput(path);
  return {
    name,
    identity,
    folder,
    path,
    bytes,
    checkUnchanged,
    stream: () => readFile(path, { highWaterMark: READ_BYTES }),
    readRange: async (start, end) => {
      const handle = await open(path, 'r');
      return await readAt(handle, start, end).finally(() => handle.close());
    },
  };
}

/** Returns what comes through a pipe as a file that can be read once. */
export function pipeFile(source: AsyncIterable<Uint8Array>, name: string, folder: string): InputFile {
  return {
    name,
    identity: name,
    folder,
    bytes: undefined,
    stream: () => source,
    checkUnchanged: async () => undefined,
  };
}

/** Reads the bytes `[start, end)` of an opened file; fewer only at its end. */
export async function readAt(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.max(0, end - start));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
