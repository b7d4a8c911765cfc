import { randomUUID } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, readSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file without a name, for what does not fit into memory: gone with the process, however that ends. It is made with the
 * first write. Writes and reads are synchronous: they are of the page cache, in blocks, between two lines of an input.
 */
export class ScratchFile {
  private file: number | undefined;
  private end = 0;

  /** `folder` is made if it is not there. */
  constructor(private readonly folder: string) {}

  /** Writes bytes at the end. Returns where they begin. */
  append(bytes: Uint8Array): number {
    this.file ??= openWithoutName(this.folder);
    const start = this.end;
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(this.file, bytes, done, bytes.byteLength - done, start + done);
    }
    this.end = start + bytes.byteLength;
    return start;
  }

  /** Reads the bytes `[start, end)`; fewer at the end of the file. */
  read(start: number, end: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(end, this.end) - start));
    if (this.file === undefined) return bytes.subarray(0, 0);
    let done = 0;
    while (done < bytes.byteLength) {
      const read = readSync(this.file, bytes, done, bytes.byteLength - done, start + done);
      if (read === 0) break;
      done += read;
    }
    return bytes.subarray(0, done);
  }

  /** Removes the file, and the folder if that is empty. Idempotent. */
  close(): void {
    if (this.file === undefined) return;
    closeSync(this.file);
    [this.file, this.end] = [undefined, 0];
    try {
      rmdirSync(this.folder);
    } catch {
      // Something is in it: it stays.
    }
  }
}

function openWithoutName(folder: string): number {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `.dria-temporal-${randomUUID()}.tmp`);
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  rmSync(path);
  return file;
}
