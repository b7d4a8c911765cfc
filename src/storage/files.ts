import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError } from './file-errors.js';

/** Reads until the range is full or the file ends: one read may bring less than it was asked for. */
export async function readRange(file: FileHandle, start: number, wanted: number): Promise<Uint8Array> {
  // A range that was read from a damaged object may be of any size: memory is that of what is there.
  const length = Math.max(0, Math.min(wanted, (await file.stat()).size - start));
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Writes that are under way at once: while one is done the next is there already. */
const WRITES_AT_ONCE = 2;

/** Writes pieces one behind another into an empty file. */
export async function writePieces(file: FileHandle, source: AsyncIterable<Uint8Array | string>): Promise<void> {
  const writes: Promise<void>[] = [];
  let position = 0;
  try {
    for await (const piece of source) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
      if (writes.length === WRITES_AT_ONCE) await writes.shift();
      const write = writeAt(file, bytes, position);
      // Who waits for it may come late, after another one has failed.
      write.catch(() => undefined);
      writes.push(write);
      position += bytes.byteLength;
    }
    await Promise.all(writes);
  } finally {
    // The file must not be closed under a write.
    await Promise.allSettled(writes);
  }
}

/** Writes until all is written: one write may take less than it was given. */
async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

/** Makes a folder and those above it that are not there. Their names, too, must be on disk before they are relied on. */
export async function makeSynced(folder: string, mode: number): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Makes the names in a folder safe from a power cut: a file that is synced under a name that is not may be gone. */
export async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Fills a file, syncs its content and closes it. */
export async function fillSynced(file: FileHandle, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await fill(file);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Puts a stream into the place of a file, whole or not at all: it is written beside it, synced and renamed. Folders above it
 * are made. Throws a `StorageError`.
 */
export async function replaceFile(path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${randomUUID()}.tmp`);
  try {
    await makeSynced(folder, 0o777);
    await fillSynced(await open(temporary, 'wx'), (file) => writePieces(file, source));
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(error, 'write', path, path);
  }
}

/** Age from which on a temporary file has no writer any more, ms: one that is written to is younger. */
const ABANDONED_MS = 3_600_000;

/** Removes what writers that were killed have left, of the names that are theirs: inputs of gigabytes may be among it. */
export async function removeAbandoned(folder: string, isTemporary = (_name: string) => true): Promise<void> {
  try {
    for (const name of (await readdir(folder)).filter(isTemporary)) {
      const path = join(folder, name);
      if (Date.now() - (await stat(path)).mtimeMs > ABANDONED_MS) await rm(path, { force: true });
    }
  } catch {
    // There is none, or another process tidies up as well.
  }
}
