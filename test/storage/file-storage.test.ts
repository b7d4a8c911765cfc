import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import { openStorage } from '../../src/storage/open-storage.js';
import { StorageError, type StorageErrorCode } from '../../src/storage/storage.js';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'dria-storage-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function storage(): Promise<FileStorage> {
  return new FileStorage(path.join(await temporaryFolder(), 'root'));
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return text(Buffer.concat(pieces));
}

async function* pieces(...parts: readonly (string | Error)[]): AsyncGenerator<string> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part;
  }
}

/** The error of a call, which must be a storage's. */
async function failure(call: Promise<unknown>): Promise<StorageError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StorageError) return error;
  throw new Error('no StorageError', { cause: error });
}

/** All files under the storage's root, those in the making included. */
async function files(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

describe('an object', () => {
  it('comes back as it was written, by bytes, text or stream', async () => {
    const store = await storage();
    await store.put('a/b/c', 'täxt');
    await store.put('a/bytes', Uint8Array.of(0, 255, 10));
    await store.putStream('a/stream', pieces('one', 'zwö', ''));
    await store.put('a/empty', '');
    expect(text(await store.get('a/b/c'))).toBe('täxt');
    expect([...(await store.get('a/bytes'))]).toEqual([0, 255, 10]);
    expect(await collect(await store.stream('a/stream'))).toBe('onezwö');
    expect([await store.size('a/b/c'), await store.size('a/empty')]).toEqual([5, 0]);
    expect(await readFile(store.path('a/b/c'), 'utf8')).toBe('täxt');
  });

  it('is replaced whole', async () => {
    const store = await storage();
    await store.put('key', 'a long first text');
    await store.put('key', 'short');
    expect(text(await store.get('key'))).toBe('short');
  });

  it('may be longer than one piece of a stream', async () => {
    const store = await storage();
    const long = `${'x'.repeat(3 << 20)}end`;
    await store.put('key', long);
    expect(await collect(await store.stream('key'))).toBe(long);
  });

  it('that is not there is not found, has no size and nothing to remove', async () => {
    const store = await storage();
    for (const key of ['none', 'folder/none']) {
      const error = await failure(store.get(key));
      expect([error.code, error.key]).toEqual(['NOT_FOUND', key]);
      expect(error.message).toBe(`${store.path(key)}: there is no such file`);
      expect((await failure(store.stream(key))).code).toBe('NOT_FOUND');
      expect((await failure(store.getRange(key, 0, 1))).code).toBe('NOT_FOUND');
      expect(await store.size(key)).toBeUndefined();
    }
    await store.removeAll('none/');
  });

  it('is no folder, and has none under it', async () => {
    const store = await storage();
    await store.put('folder/key', 'x');
    expect(await store.size('folder')).toBeUndefined();
    expect(await store.size('folder/key/below')).toBeUndefined();
    for (const key of ['folder', 'folder/key/below']) {
      expect((await failure(store.get(key))).code).toBe('NOT_FOUND');
      expect((await failure(store.stream(key))).code).toBe('NOT_FOUND');
      expect((await failure(store.getRange(key, 0, 1))).code).toBe('NOT_FOUND');
    }
  });
});

describe('a range of an object', () => {
  it.each<[number, number, string]>([
    [0, 10, '0123456789'],
    [3, 5, '34'],
    [0, 0, ''],
    [9, 10, '9'],
    [8, 400, '89'],
    [10, 11, ''],
    [99, 120, ''],
    [5, 3, ''],
  ])('from %i to %i is "%s"', async (start, end, expected) => {
    const store = await storage();
    await store.put('key', '0123456789');
    expect(text(await store.getRange('key', start, end))).toBe(expected);
  });
});

describe('a write that fails', () => {
  it('half way leaves nothing, and its own error', async () => {
    const store = await storage();
    const broken = new Error('the source broke');
    await expect(store.putStream('a/key', pieces('half', broken))).rejects.toBe(broken);
    expect(await files(store.root)).toEqual([]);
    expect(await store.size('a/key')).toBeUndefined();
  });

  it('leaves the object that was there', async () => {
    const store = await storage();
    await store.put('key', 'whole');
    await expect(store.putStream('key', pieces('half', new Error('broken')))).rejects.toThrow('broken');
    expect(text(await store.get('key'))).toBe('whole');
    expect(await files(store.root)).toEqual(['key']);
  });

  it('by a source that cannot be read blames the source and not the object', async () => {
    const store = await storage();
    const gone = Object.assign(new Error('ENOENT: /in.jsonl'), { code: 'ENOENT' });
    await expect(store.putStream('key', pieces('half', gone))).rejects.toBe(gone);
  });

  it('because a file is where a folder should be says so', async () => {
    const store = await storage();
    await store.put('file', 'x');
    const error = await failure(store.put('file/key', 'y'));
    expect([error.code, error.key]).toEqual(['UNAVAILABLE', 'file/key']);
    expect(error.message).toContain('not a folder');
    expect(await files(store.root)).toEqual(['file']);
  });
});

describe('what killed writers have left', () => {
  it('is removed at the next write, and what is being written is not', async () => {
    const store = await storage();
    const temporary = path.join(store.root, '.tmp');
    await mkdir(temporary, { recursive: true });
    const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const name of ['left', 'young']) await writeFile(path.join(temporary, name), 'half');
    await utimes(path.join(temporary, 'left'), hoursAgo, hoursAgo);
    await store.put('key', 'x');
    expect((await files(store.root)).toSorted()).toEqual(['.tmp/young', 'key']);
  });
});

describe('an object that gets its key at the end', () => {
  it('is there under it, whole, and not before', async () => {
    const store = await storage();
    let key = 'early';
    const source = async function* () {
      yield 'one';
      expect(await store.list('')).toEqual([]);
      key = 'late/key';
      yield 'two';
    };
    await store.putNamedLater(source(), () => key);
    expect(await store.list('')).toEqual(['late/key']);
    expect(text(await store.get('late/key'))).toBe('onetwo');
  });

  it('is refused under one that leads outside, and leaves nothing', async () => {
    const store = await storage();
    expect((await failure(store.putNamedLater(pieces('x'), () => '../x'))).code).toBe('DENIED');
    expect(await files(path.dirname(store.root))).toEqual([]);
  });
});

describe('writes of one key at once', () => {
  it('leave one of them, whole', async () => {
    const store = await storage();
    const contents = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(50_000));
    const reading = Promise.all(
      Array.from(
        { length: 20 },
        async () => (await store.size('a/key')) === undefined || text(await store.get('a/key')),
      ),
    );
    await Promise.all(contents.map((content) => store.put('a/key', content)));
    for (const seen of await reading) if (typeof seen === 'string') expect(contents).toContain(seen);
    expect(contents).toContain(text(await store.get('a/key')));
    expect(await files(store.root)).toEqual(['a/key']);
  });

  it('survive that their folders are removed meanwhile', async () => {
    const store = await storage();
    const other = new FileStorage(store.root);
    await store.put('a/b/one', '1');
    await other.removeAll('a/');
    await store.put('a/b/two', '2');
    await rm(store.root, { recursive: true });
    await store.put('a/b/three', '3');
    expect(await files(store.root)).toEqual(['a/b/three']);
  });
});

describe('a new object', () => {
  it('is written by one of several writers at once, whole, and the others are refused', async () => {
    const store = await storage();
    const made = await Promise.all(['a', 'bb', 'ccc', 'dddd'].map((content) => store.putNew('new/key', content)));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await store.size('new/key')).toBe(made.indexOf(true) + 1);
    expect(await store.putNew('new/key', 'again')).toBe(false);
    expect(await store.list('')).toEqual(['new/key']);
  });
});

describe('a list', () => {
  it('has the keys that start with the prefix, which need not be a folder', async () => {
    const store = await storage();
    for (const key of ['runs/a/1', 'runs/a/2/x', 'runs/ab/3', 'runs/b/4', 'top']) await store.put(key, '');
    const listed = async (prefix: string) => (await store.list(prefix)).toSorted();
    expect(await listed('runs/a/')).toEqual(['runs/a/1', 'runs/a/2/x']);
    expect(await listed('runs/a')).toEqual(['runs/a/1', 'runs/a/2/x', 'runs/ab/3']);
    expect(await listed('runs/a/2/x')).toEqual(['runs/a/2/x']);
    expect(await listed('ru')).toHaveLength(4);
    expect(await listed('')).toEqual(['runs/a/1', 'runs/a/2/x', 'runs/ab/3', 'runs/b/4', 'top']);
    expect(await listed('none/')).toEqual([]);
    expect(await listed('top/')).toEqual([]);
  });

  it('shows no object that is being written', async () => {
    const store = await storage();
    async function* slow(): AsyncGenerator<string> {
      yield 'half';
      expect(await files(store.root)).toHaveLength(1);
      expect([await store.list(''), await store.list('runs/'), await store.list('.')]).toEqual([[], [], []]);
      yield 'rest';
    }
    await store.putStream('runs/key', slow());
    expect(await store.list('')).toEqual(['runs/key']);
  });

  it('of a storage that nothing was written to is empty', async () => {
    expect(await (await storage()).list('runs/')).toEqual([]);
  });
});

describe('removing', () => {
  it('takes all under the prefix and nothing beside it', async () => {
    const store = await storage();
    for (const key of ['runs/a/1', 'runs/a/2/x', 'runs/ab/3']) await store.put(key, '');
    await store.removeAll('runs/a/');
    expect(await store.list('')).toEqual(['runs/ab/3']);
    await store.put('runs/a/1', 'again');
    expect(text(await store.get('runs/a/1'))).toBe('again');
  });
});

describe('a key', () => {
  it.each(['../x', 'a/../../x', '/etc/passwd', '', '.', '..', 'a/..', '../root-beside/x', 'runs/a/../b'])(
    '"%s" is refused',
    async (key) => {
      const store = await storage();
      await mkdir(store.root);
      for (const call of [
        store.get(key),
        store.put(key, 'x'),
        store.getRange(key, 0, 1),
        store.stream(key),
        store.size(key),
      ]) {
        expect((await failure(call)).code).toBe('DENIED');
      }
      expect((await failure(store.removeAll(`${key}/`))).code).toBe('DENIED');
      expect(await files(path.dirname(store.root))).toEqual([]);
    },
  );

  it('with characters of any language is a file of that name', async () => {
    const store = await storage();
    for (const key of ['ключ', '鍵/ü', 'with space', '%2E%2E']) await store.put(key, key);
    expect((await store.list('')).toSorted()).toEqual(['%2E%2E', 'with space', 'ключ', '鍵/ü']);
  });
});

/** A file system of 256 KiB; undefined where this user may not mount one. */
async function tinyDisk(options: string): Promise<string | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'dria-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=256k,${options}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    await rm(folder, { recursive: true });
    return undefined;
  }
  onTestFinished(async () => {
    execFileSync('umount', ['-l', folder]);
    await rm(folder, { recursive: true });
  });
  return folder;
}

describe('a disk', () => {
  it('that is full keeps nothing of the write, says so, and takes it when there is room', async ({ skip }) => {
    const folder = await tinyDisk('rw');
    if (folder === undefined) return skip('mounting a small disk needs root');
    const store = new FileStorage(folder);
    await store.put('filler', 'x'.repeat(200_000));
    const codes: StorageErrorCode[] = [];
    const much = 'y'.repeat(100_000);
    for (const write of [() => store.put('key', much), () => store.putStream('key', pieces(much))]) {
      const error = await failure(write());
      codes.push(error.code);
      expect(error.message).toContain('the disk is full');
    }
    expect(codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(await files(folder)).toEqual(['filler']);
    await rm(path.join(folder, 'filler'));
    await store.put('key', 'y'.repeat(100_000));
    expect(await store.size('key')).toBe(100_000);
  });

  it('that is read-only denies writes and gives what it has', async ({ skip }) => {
    const folder = await tinyDisk('rw');
    if (folder === undefined) return skip('mounting a small disk needs root');
    const store = new FileStorage(folder);
    await store.put('key', 'kept');
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const error = await failure(store.put('key', 'new'));
    expect([error.code, error.message]).toEqual(['DENIED', `${folder}/key: the file system is read-only`]);
    expect((await failure(store.removeAll('key/'))).code).toBe('DENIED');
    expect(text(await store.get('key'))).toBe('kept');
  });
});

describe('a stream of an object', () => {
  it('that nobody reads to its end can be closed', async () => {
    const store = await storage();
    await store.put('key', 'x'.repeat(3 << 20));
    const stream = await store.stream('key');
    await once(stream, 'readable');
    stream.destroy();
    await once(stream, 'close');
    expect(stream.destroyed).toBe(true);
  });

  it('gives the object that was there when it was first read', async () => {
    const store = await storage();
    await store.put('key', 'x'.repeat(3 << 20));
    const pieces = (await store.stream('key'))[Symbol.asyncIterator]();
    let bytes = (await pieces.next()).value.length;
    await store.put('key', 'new');
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) bytes += next.value.length;
    expect(bytes).toBe(3 << 20);
  });

  it('fails as one of this storage when the object goes before it is first read', async () => {
    const store = await storage();
    await store.put('key', 'x');
    const stream = await store.stream('key');
    await store.remove(['key']);
    expect((await failure(collect(stream))).code).toBe('NOT_FOUND');
  });
});

describe('a root', () => {
  it('may be a link to a folder', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'real'));
    await symlink('real', path.join(folder, 'link'));
    await new FileStorage(path.join(folder, 'link')).put('a/key', 'x');
    expect(await files(path.join(folder, 'real'))).toEqual(['a/key']);
  });

  it('that is a file cannot be written to', async () => {
    const file = path.join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    expect((await failure(new FileStorage(file).put('key', 'x'))).code).toBe('UNAVAILABLE');
  });
});

describe('a check', () => {
  it('leaves no trace of a root that is not there yet', async () => {
    const folder = await temporaryFolder();
    await new FileStorage(path.join(folder, 'not', 'yet')).check();
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a root in whose place, or on whose way, a file is', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'file'), '');
    for (const root of ['file', 'file/below']) {
      expect((await failure(new FileStorage(path.join(folder, root)).check())).message).toContain(
        'a file and not a folder',
      );
    }
  });
});

describe('what is made', () => {
  /** Permissions of all that is under a root, itself included, without the umask's doing. */
  async function permissions(store: FileStorage): Promise<Record<'files' | 'folders', string[]>> {
    await store.put('runs/a/manifest.json', '{}');
    await store.putStream('runs/a/parts/0.jsonl', pieces('x'));
    const appender = store.openAppend('runs/a/segments/b.jsonl');
    await appender.append('x');
    await appender.close();
    const entries = await readdir(store.root, { recursive: true, withFileTypes: true });
    const places = [store.root, ...entries.map((entry) => path.join(entry.parentPath, entry.name))];
    const stats = await Promise.all(places.map((place) => stat(place)));
    const modes = (isFile: boolean) =>
      stats.filter((found) => found.isFile() === isFile).map(({ mode }) => (mode & 0o777).toString(8));
    return { files: [...new Set(modes(true))], folders: [...new Set(modes(false))] };
  }

  it('is for its user alone', async () => {
    expect(await permissions(await storage())).toEqual({ files: ['600'], folders: ['700'] });
  });

  it('follows the umask where users share the folder', async () => {
    const store = openStorage(path.join(await temporaryFolder(), 'root'), { DRIA_TEMPORAL_STORAGE_MODE: 'umask' });
    const less = process.umask();
    const expected = { files: [(0o666 & ~less).toString(8)], folders: [(0o777 & ~less).toString(8)] };
    if (!(store instanceof FileStorage)) throw new Error('a folder is a FileStorage');
    expect(await permissions(store)).toEqual(expected);
  });

  it('has no other mode', () => {
    expect(() => openStorage('/x', { DRIA_TEMPORAL_STORAGE_MODE: '0660' })).toThrow(/private or umask/);
  });
});
