import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { type Storage, StorageError, type StorageErrorCode } from './storage.js';

/** Folder under the root for objects that are being written: listings never see them, and a crash leaves them here. */
const TEMPORARY = '.tmp';

/**
 * Objects as files under a root folder. An object is written to a temporary file, synced to disk and renamed, so that
 * it is whole or absent after a crash or a power cut.
 */
export class FileStorage implements Storage {
  readonly root: string;
  private readonly made = new Map<string, Promise<unknown>>();

  constructor(root: string) {
    this.root = resolve(root);
  }

  /** Where an object is, for messages and for programs that read it themselves. */
  path(key: string): string {
    const path = resolve(this.root, key);
    if (!path.startsWith(this.root + sep)) throw new StorageError('DENIED', key, `${key} is outside ${this.root}`);
    return path;
  }

  put(key: string, content: string | Uint8Array): Promise<void> {
    return this.write(key, (file) => file.writeFile(content));
  }

  putStream(key: string, content: AsyncIterable<Uint8Array | string>): Promise<void> {
    return this.write(key, async (file) => {
      for await (const piece of content) await file.writeFile(piece);
    });
  }

  async get(key: string): Promise<Uint8Array> {
    return await this.call(key, () => readFile(this.path(key)));
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    return await this.call(key, async () => {
      const file = await open(this.path(key), 'r');
      try {
        const buffer = Buffer.allocUnsafe(Math.max(0, end - start));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    });
  }

  async stream(key: string): Promise<Readable> {
    return await this.call(key, async () => {
      await stat(this.path(key));
      return createReadStream(this.path(key), { highWaterMark: 1 << 20 });
    });
  }

  async size(key: string): Promise<number | undefined> {
    try {
      return await this.call(key, async () => (await stat(this.path(key))).size);
    } catch (error) {
      if (error instanceof StorageError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  async list(prefix: string): Promise<string[]> {
    const folder = this.path(prefix.slice(0, prefix.lastIndexOf('/') + 1) || '.');
    const entries = await this.call(prefix, () =>
      readdir(folder, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      }),
    );
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix));
  }

  async removeAll(prefix: string): Promise<void> {
    await this.call(prefix, () => rm(this.path(prefix), { recursive: true, force: true }));
    this.made.clear();
  }

  private async write(key: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
    const path = this.path(key);
    const temporary = join(this.root, TEMPORARY, randomUUID());
    await this.call(key, async () => {
      await this.makeFolder(dirname(temporary));
      try {
        await writeSynced(temporary, fill);
        await this.moveInto(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
  }

  private async moveInto(temporary: string, path: string): Promise<void> {
    await this.makeFolder(dirname(path));
    try {
      await rename(temporary, path);
    } catch (error) {
      // The folder was there when it was last looked at; somebody may have removed it since.
      if (errorCode(error) !== 'ENOENT') throw error;
      this.made.clear();
      await this.makeFolder(dirname(path));
      await rename(temporary, path);
    }
  }

  private makeFolder(folder: string): Promise<unknown> {
    const made = this.made.get(folder);
    if (made !== undefined) return made;
    const making = mkdir(folder, { recursive: true }).catch((error: unknown) => {
      this.made.delete(folder);
      throw error;
    });
    this.made.set(folder, making);
    return making;
  }

  private async call<T>(key: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw this.translate(key, error);
    }
  }

  private translate(key: string, error: unknown): unknown {
    if (error instanceof StorageError) return error;
    const code = errorCode(error);
    if (code === undefined) return error;
    const reason = REASONS[code] ?? code;
    return new StorageError(storageCode(code), key, `${join(this.root, key)}: ${reason}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many open files',
};

function storageCode(code: string): StorageErrorCode {
  if (code === 'ENOENT') return 'NOT_FOUND';
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'DENIED' : 'UNAVAILABLE';
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

async function writeSynced(path: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await fill(file);
    await file.datasync();
  } finally {
    await file.close();
  }
}
