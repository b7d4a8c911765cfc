import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, copyFile, type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { systemCode } from '../system-error.js';
import { FileAppender } from './file-appender.js';
import { type FileAccess, fileError } from './file-errors.js';
import { fillSynced, makeSynced, readRange, removeAbandoned, syncFolder, writePieces } from './files.js';
import { type Appender, type Storage, StorageError } from './storage.js';

/** Folder under the root for objects that are being written: listings never see them, and a crash leaves them here. */
const TEMPORARY = '.tmp';

/** Bytes of one read of a stream. */
const STREAM_BYTES = 1 << 20;

/** What file systems without links answer to the wish for one. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/** A key, or what gives it once the content is written. */
type Key = string | (() => string);

/** Permissions of what is made, less the umask: for the user alone, or as the umask has it. */
export type FileModes = { readonly file: number; readonly folder: number };
export const PRIVATE: FileModes = { file: 0o600, folder: 0o700 };
export const BY_UMASK: FileModes = { file: 0o666, folder: 0o777 };

/**
 * Objects as files under a root folder. An object is written to a temporary file, synced to disk and renamed, so that
 * it is whole or absent after a crash or a power cut.
 */
export class FileStorage implements Storage {
  readonly root: string;
  readonly growsInPlace = true;
  private tidied: Promise<void> | undefined;
  private readonly made = new Map<string, Promise<unknown>>();

  constructor(
    root: string,
    private readonly modes = PRIVATE,
  ) {
    this.root = resolve(root);
  }

  /** Where an object is, for messages and for programs that read it themselves. */
  path(key: string): string {
    const path = resolve(this.root, key);
    const inside = this.root.endsWith(sep) ? this.root : this.root + sep;
    // Nor does a key lead from one run's folder to another's: parts of keys come with the arguments of activities.
    if (path.startsWith(inside) && path !== inside && !key.split('/').includes('..')) return path;
    throw new StorageError('DENIED', key, `${key === '' ? 'an empty key' : key} is outside ${this.root}`);
  }

  async check(): Promise<void> {
    await this.call('write', '', () => mayHold(this.root));
  }

  async put(key: string, content: string | Uint8Array): Promise<void> {
    await this.write(key, (file) => file.writeFile(content));
  }

  async putNew(key: string, content: string | Uint8Array): Promise<boolean> {
    let isNew = true;
    await this.write(
      key,
      (file) => file.writeFile(content),
      async (temporary, path) => {
        isNew = await linkNew(temporary, path);
        await rm(temporary, { force: true });
      },
    );
    return isNew;
  }

  async putStream(key: string, content: AsyncIterable<Uint8Array | string>): Promise<void> {
    await this.writeStream(key, content);
  }

  async putNamedLater(content: AsyncIterable<Uint8Array | string>, name: () => string): Promise<void> {
    await this.writeStream(name, content);
  }

  private async writeStream(key: Key, content: AsyncIterable<Uint8Array | string>): Promise<void> {
    let broken: { readonly error: unknown } | undefined;
    const source = watched(content, (error) => {
      broken = { error };
    });
    try {
      await this.write(key, (file) => writePieces(file, source));
    } catch (error) {
      // What the source threw is no matter of this storage, even where it looks like it.
      throw broken === undefined ? error : broken.error;
    }
  }

  async get(key: string): Promise<Uint8Array> {
    return await this.call('read', key, () => this.opened(key, (file) => file.readFile()));
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    return await this.call('read', key, () =>
      this.opened(key, (file) => readRange(file, start, Math.max(0, end - start))),
    );
  }

  async stream(key: string): Promise<Readable> {
    return await this.call('read', key, async () => {
      const stats = await this.opened(key, (file) => file.stat());
      if (!stats.isFile()) throw Object.assign(new Error(`${key} is a folder`), { code: 'EISDIR' });
      return Readable.from(this.pieces(key), { objectMode: false });
    });
  }

  /** Opens the file when it is first read: a stream that nobody reads has nothing to close. */
  private async *pieces(key: string): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* createReadStream(this.path(key), { highWaterMark: STREAM_BYTES });
    } catch (error) {
      throw fileError(error, 'read', key, this.path(key));
    }
  }

  async size(key: string): Promise<number | undefined> {
    try {
      return await this.call('read', key, async () => {
        const stats = await stat(this.path(key));
        return stats.isFile() ? stats.size : undefined;
      });
    } catch (error) {
      if (error instanceof StorageError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  async list(prefix: string): Promise<string[]> {
    const parent = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const folder = parent === '' ? this.root : this.path(parent);
    const entries = await this.call('read', prefix, () =>
      readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
        const code = systemCode(error);
        if (code === 'ENOENT' || code === 'ENOTDIR') return [];
        throw error;
      }),
    );
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix) && !key.startsWith(`${TEMPORARY}/`));
  }

  async removeAll(prefix: string): Promise<void> {
    await this.call('write', prefix, () => rm(this.path(prefix), { recursive: true, force: true, maxRetries: 3 }));
    this.made.clear();
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.call('write', key, () => rm(this.path(key), { force: true }));
  }

  openAppend(key: string): Appender {
    const path = this.path(key);
    return new FileAppender({
      open: () => this.inFolderOf(path, () => open(path, 'ax', this.modes.file)),
      syncName: () => syncFolder(dirname(path)),
      call: (action) => this.call('write', key, action),
    });
  }

  private async opened<T>(key: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = await open(this.path(key), 'r');
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  }

  private async write(
    key: Key,
    fill: (file: FileHandle) => Promise<void>,
    place: (temporary: string, path: string) => Promise<void> = rename,
  ): Promise<void> {
    await this.call('write', key, async () => {
      // A key that cannot be is refused before anything is written.
      if (typeof key === 'string') this.path(key);
      const temporary = join(this.root, TEMPORARY, randomUUID());
      this.tidied ??= removeAbandoned(dirname(temporary));
      await this.tidied;
      const file = await this.inFolderOf(temporary, () => open(temporary, 'wx', this.modes.file));
      try {
        await fillSynced(file, fill);
        const path = this.path(nameOf(key));
        await this.inFolderOf(path, () => place(temporary, path));
        await syncFolder(dirname(path));
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
    });
  }

  /** Does something in a file's folder, which is made first. */
  private async inFolderOf<T>(path: string, action: () => Promise<T>): Promise<T> {
    await this.makeFolder(dirname(path));
    try {
      return await action();
    } catch (error) {
      // The folder was there when it was last looked at; somebody may have removed it since.
      if (systemCode(error) !== 'ENOENT') throw error;
      this.made.clear();
      await this.makeFolder(dirname(path));
      return await action();
    }
  }

  private makeFolder(folder: string): Promise<unknown> {
    const made = this.made.get(folder);
    if (made !== undefined) return made;
    const making = makeSynced(folder, this.modes.folder).catch((error: unknown) => {
      this.made.delete(folder);
      throw error;
    });
    this.made.set(folder, making);
    return making;
  }

  private async call<T>(access: FileAccess, key: Key, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const name = nameOf(key);
      throw fileError(error, access, name, join(this.root, name));
    }
  }
}

/** Gives a file a further name unless there is a file of that name. Returns false if there is. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    // Some file systems have no links: a copy is new too, but a crash may leave a part of it.
    await link(from, to).catch((error: unknown) => {
      if (!WITHOUT_LINKS.has(systemCode(error) ?? '')) throw error;
      return copyFile(from, to, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function nameOf(key: Key): string {
  return typeof key === 'string' ? key : key();
}

/** Fails unless a folder may be made and written to at a path. Makes none: whoever only looks leaves no trace. */
async function mayHold(path: string): Promise<void> {
  try {
    await access(`${path}${sep}.`, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || path === dirname(path)) throw error;
    await mayHold(dirname(path));
  }
}

async function* watched<T>(content: AsyncIterable<T>, onError: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* content;
  } catch (error) {
    onError(error);
    throw error;
  }
}
