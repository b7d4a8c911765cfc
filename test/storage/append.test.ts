import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import { S3Appender } from '../../src/storage/s3-appender.js';
import { parseS3Root } from '../../src/storage/s3-location.js';
import { S3Storage } from '../../src/storage/s3-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { SegmentLog } from '../../src/store/segment-log.js';
import { S3Server, s3Program } from '../support/s3-server.js';
import { until } from '../support/until.js';

/** What readers find of what was appended under a key, in the order of the objects' names. */
async function appended(storage: Storage): Promise<string> {
  const keys = (await storage.list('log/')).sort();
  return Buffer.concat(await Promise.all(keys.map((key) => storage.get(key)))).toString('utf8');
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `line ${at} ü\n`);

/** What any storage promises of an object that is appended to. */
function describeAppending(open: () => Promise<Storage>): void {
  it('gives back all that was synced, in the order in which it was appended', async () => {
    const storage = await open();
    const appender = storage.openAppend('log/a.jsonl');
    await appender.append('one\n');
    await appender.append('two\n');
    await appender.sync();
    expect(await appended(storage)).toBe('one\ntwo\n');
    await appender.append('three\n');
    await appender.sync();
    expect(await appended(storage)).toBe('one\ntwo\nthree\n');
    await appender.sync();
    await appender.close();
    expect(await appended(storage)).toBe('one\ntwo\nthree\n');
  });

  it('creates nothing without an append', async () => {
    const storage = await open();
    const appender = storage.openAppend('log/a.jsonl');
    await appender.sync();
    await appender.close();
    expect(await storage.list('log/')).toEqual([]);
  });

  it('keeps two writers apart', async () => {
    const storage = await open();
    const [one, other] = [storage.openAppend('log/a.jsonl'), storage.openAppend('log/b.jsonl')];
    for (const line of numbered(5)) await Promise.all([one.append(line), other.append(line)]);
    await Promise.all([one.sync(), other.sync()]);
    await Promise.all([one.close(), other.close()]);
    expect(await appended(storage)).toBe([...numbered(5), ...numbered(5)].join(''));
  });

  it('removes objects by their keys, and no others', async () => {
    const storage = await open();
    for (const key of ['log/a', 'log/ab', 'log/c']) await storage.put(key, key);
    await storage.remove(['log/a', 'log/not-there']);
    expect((await storage.list('log/')).sort()).toEqual(['log/ab', 'log/c']);
  });

  describe('through a segment log', () => {
    it('has every line once and in order, however many come at once', async () => {
      const storage = await open();
      const log = new SegmentLog(storage.openAppend('log/a.jsonl'), () => undefined);
      await Promise.all(numbered(500).map((line) => log.append(line)));
      await log.sync();
      expect(await appended(storage)).toBe(numbered(500).join(''));
      await log.close();
    });

    it('syncs by itself after the interval', async () => {
      const storage = await open();
      const log = new SegmentLog(storage.openAppend('log/a.jsonl'), () => undefined, 10);
      onTestFinished(() => log.close());
      await log.append('line\n');
      await until('the line is there', async () => (await appended(storage)) === 'line\n');
    });
  });
}

describe('the appender of a bucket', () => {
  const MB = 1_000_000;

  /** An appender whose PUTs wait until they are let go. */
  function slow() {
    const puts: { readonly key: string; readonly size: number }[] = [];
    const waiting: (() => void)[] = [];
    const appender = new S3Appender(async (key, content) => {
      puts.push({ key, size: content.byteLength });
      await new Promise<void>((resolve) => waiting.push(resolve));
    }, 'log/a.jsonl');
    return { appender, puts, next: () => waiting.shift()?.() };
  }

  it('makes objects of some megabytes of what has come since the last sync', async () => {
    const { appender, puts, next } = slow();
    for (const size of [5, 3, 5, 1]) await appender.append(Buffer.alloc(size * MB));
    const synced = appender.sync();
    for (const count of [1, 2]) {
      await until('a PUT has begun', () => puts.length === count);
      next();
    }
    await synced;
    expect(puts).toEqual([
      { key: 'log/a-000001.jsonl', size: 8 * MB },
      { key: 'log/a-000002.jsonl', size: 6 * MB },
    ]);
  });

  it('takes nothing more while a slow bucket has left too much in memory', async () => {
    const { appender, puts, next } = slow();
    for (let at = 0; at < 3; at++) await appender.append(Buffer.alloc(7 * MB));
    let isTaken = false;
    const more = appender.append(Buffer.alloc(MB)).then(() => {
      isTaken = true;
    });
    for (let count = 1; count <= 3; count++) {
      await until('a PUT has begun', () => puts.length === count);
      expect(isTaken).toBe(false);
      next();
    }
    await more;
    expect(puts.map(({ size }) => size)).toEqual([7 * MB, 7 * MB, 7 * MB]);
  });
});

describe('appending in a folder', () => {
  const open = async (): Promise<FileStorage> => {
    const folder = await mkdtemp(join(tmpdir(), 'dria-append-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return new FileStorage(folder);
  };

  describeAppending(open);

  it('is visible before a sync: it survives the process', async () => {
    const storage = await open();
    const appender = storage.openAppend('log/a.jsonl');
    onTestFinished(() => appender.close());
    await appender.append('one\n');
    expect(await appended(storage)).toBe('one\n');
  });

  it('writes lines that come during a write together', async () => {
    const writes: string[] = [];
    const appender = (await open()).openAppend('log/a.jsonl');
    const log = new SegmentLog(
      {
        ...{ syncIntervalMs: 1000, syncSize: 1e9, sync: () => appender.sync(), close: () => appender.close() },
        append: async (text) => {
          writes.push(text.toString());
          await appender.append(text);
        },
      },
      () => undefined,
    );
    await Promise.all(['one\n', 'two\n', 'three\n'].map((line) => log.append(line)));
    await Promise.all(['four\n', 'five\n'].map((line) => log.append(line)));
    expect(writes.join('')).toBe('one\ntwo\nthree\nfour\nfive\n');
    expect(writes.length).toBeLessThanOrEqual(3);
    await log.close();
  });

  it('writes no more than some megabytes at once, however much has come during a write', async () => {
    const sizes: number[] = [];
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const log = new SegmentLog(
      {
        ...{ syncIntervalMs: 1000, syncSize: 1e9, sync: async () => undefined, close: async () => undefined },
        append: async (content) => {
          sizes.push(content.length);
          await held;
        },
      },
      () => undefined,
    );
    // More than a string can hold, in few bytes: all lines are the same memory.
    const line = Buffer.alloc(1_000_000);
    const writes = [log.append('first\n')];
    await until('the first write has begun', () => sizes.length > 0);
    for (let at = 0; at < 600; at++) writes.push(log.append(line));
    writes.push(log.append(Buffer.alloc(20_000_000)));
    goOn();
    await Promise.all(writes);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(6 + 600 * line.length + 20_000_000);
    expect(sizes.filter((size) => size > 4 << 20)).toEqual([20_000_000]);
    await log.close();
  });

  it('does not append to an object that is there', async () => {
    const storage = await open();
    await storage.put('log/a.jsonl', 'old\n');
    await expect(storage.openAppend('log/a.jsonl').append('new\n')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await appended(storage)).toBe('old\n');
  });

  it('that fills the disk in the middle of a line leaves no half of it before the next', async ({ skip }) => {
    const folder = await tinyDisk();
    if (folder === undefined) return skip('mounting a small disk needs root');
    const storage = new FileStorage(folder);
    const warnings: string[] = [];
    const log = new SegmentLog(storage.openAppend('log/a.jsonl'), (message) => warnings.push(message));
    const line = (name: string): string => `${name.repeat(100_000)}\n`;
    await log.append(line('a'));
    await storage.put('filler', 'x'.repeat(80_000));
    const waiting = log.append(line('b'));
    await until('the write fails', async () => log.failing !== undefined);
    await rm(storage.path('filler'));
    await waiting;
    await log.close();
    expect(await appended(storage)).toBe(line('a') + line('b'));
    expect(warnings).toEqual([expect.stringContaining('the disk is full')]);
  });

  it('waits for a disk that is read-only', async ({ skip }) => {
    const folder = await tinyDisk();
    if (folder === undefined) return skip('mounting a small disk needs root');
    const storage = new FileStorage(folder);
    const log = new SegmentLog(storage.openAppend('log/a.jsonl'), () => undefined);
    await storage.put('log/other.jsonl', '');
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const waiting = log.append('line\n');
    await until('the write fails', async () => log.failing !== undefined);
    expect(log.failing).toMatchObject({ code: 'DENIED' });
    execFileSync('mount', ['-o', 'remount,rw', folder]);
    await waiting;
    await log.close();
    expect(await appended(storage)).toBe('line\n');
  });
});

/** Mounts a file system of 256 KiB for the test; undefined if this user may not. */
async function tinyDisk(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'dria-append-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'ignore' });
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

const program = s3Program();

describe.skipIf(program === undefined)('appending in a bucket', { timeout: 60_000 }, () => {
  let server: S3Server;
  let roots = 0;
  beforeAll(async () => {
    server = await S3Server.start(program ?? '');
    Object.assign(process.env, server.env);
  }, 120_000);
  afterEach(() => server.link.disturb());
  afterAll(() => server.close());

  const open = async (): Promise<Storage> => new S3Storage(parseS3Root(server.root(`append-${++roots}`)), server.env);

  describeAppending(open);

  it('writes one object a sync', async () => {
    const storage = await open();
    const appender = storage.openAppend('log/a.jsonl');
    for (const line of numbered(3)) await appender.append(line);
    expect(await storage.list('log/')).toEqual([]);
    await appender.sync();
    await appender.append('more\n');
    await appender.sync();
    expect((await storage.list('log/')).sort()).toEqual(['log/a-000001.jsonl', 'log/a-000002.jsonl']);
  });

  it('repeats a PUT that failed with the same bytes, since a reader may have seen them', async () => {
    const storage = await open();
    const appender = storage.openAppend('log/a.jsonl');
    await appender.append('one\n');
    server.link.disturb({ method: 'PUT', kind: 'status-500', times: 3 });
    await expect(appender.sync()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    server.link.disturb();
    await appender.append('two\n');
    await appender.sync();
    const texts = await Promise.all(
      ['log/a-000001.jsonl', 'log/a-000002.jsonl'].map(async (key) => Buffer.from(await storage.get(key)).toString()),
    );
    expect(texts).toEqual(['one\n', 'two\n']);
  });
});
