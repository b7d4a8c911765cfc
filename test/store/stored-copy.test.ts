import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import { inputKey } from '../../src/store/run-directory.js';
import { beginCopy, StoredCopy } from '../../src/store/stored-copy.js';
import { temporaryFolder } from '../input/helpers.js';
import { until } from '../support/until.js';

const MB = 1 << 20;
const LARGE = 100 * MB;

async function* repeat(piece: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  for (let time = 0; time < times; time++) yield piece;
}

async function openStorage(): Promise<FileStorage> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return new FileStorage(join(folder, 'root'));
}

/** Reads an input to its end, with a copy of it. Returns its hash. */
async function readAll(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of source) hash.update(piece);
  return hash.digest('hex');
}

/** The input by way of its copy, which there must be. */
function of(copy: StoredCopy | undefined, source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (copy === undefined) throw new Error('no copy was begun');
  return copy.of(source);
}

/** Names of what is in the making. */
const temporary = ({ root }: FileStorage): Promise<string[]> => readdir(join(root, '.tmp'));

describe('an input that is stored while it is read', () => {
  it('is there under its content once it is kept, byte for byte', async () => {
    const storage = await openStorage();
    const copy = await beginCopy(storage, LARGE);
    const piece = randomBytes(MB);
    const sha256 = await readAll(of(copy, repeat(piece, 40)));
    expect(await storage.list('')).toEqual([]);
    expect(await copy?.keep(sha256)).toBe(true);
    await copy?.discard();
    expect(await storage.list('')).toEqual([inputKey(sha256)]);
    expect(await readAll(await storage.stream(inputKey(sha256)))).toBe(sha256);
    expect(await temporary(storage)).toEqual([]);
  });

  it('leaves nothing when it is not wanted', async () => {
    const storage = await openStorage();
    const copy = await beginCopy(storage, LARGE);
    await readAll(of(copy, repeat(randomBytes(MB), 20)));
    expect(await temporary(storage)).toHaveLength(1);
    await copy?.discard();
    expect([await storage.list(''), await temporary(storage)]).toEqual([[], []]);
  });

  it('leaves nothing when the reading ends early', async () => {
    const storage = await openStorage();
    const copy = await beginCopy(storage, LARGE);
    for await (const piece of of(copy, repeat(randomBytes(MB), 20))) if (piece.byteLength > 0) break;
    await copy?.discard();
    expect([await storage.list(''), await temporary(storage)]).toEqual([[], []]);
  });

  it('is read to its end when it cannot be stored, and says that it is not', async () => {
    const copy = new StoredCopy(async (content) => {
      for await (const _piece of content) throw new Error('the disk is full');
    });
    const piece = randomBytes(MB);
    const expected = await readAll(repeat(piece, 60));
    expect(await readAll(copy.of(repeat(piece, 60)))).toBe(expected);
    expect(await copy.keep(expected)).toBe(false);
  });

  it('is read no faster than it is stored: memory does not grow with it', async () => {
    let stored = 0;
    let read = 0;
    let most = 0;
    const copy = new StoredCopy(async (content) => {
      for await (const _piece of content) {
        // Slower than the reading: this side lets the other one go first.
        await until('the other side waits', async () => {
          const before = read;
          await new Promise((resolve) => setImmediate(resolve));
          return before === read;
        });
        stored++;
      }
    });
    for await (const _piece of copy.of(repeat(randomBytes(MB), 100))) {
      read++;
      most = Math.max(most, read - stored);
    }
    expect(await copy.keep('')).toBe(true);
    expect([stored, read]).toEqual([100, 100]);
    expect(most).toBeLessThanOrEqual(18);
  });
});

describe('no copy is begun', () => {
  it('of a small input, or one that is there already by its size', async () => {
    const storage = await openStorage();
    await storage.put('inputs/other.jsonl', 'x'.repeat(70 * MB));
    expect(await beginCopy(storage, 70 * MB)).toBeUndefined();
    expect(await beginCopy(storage, 10 * MB)).toBeUndefined();
    expect(await beginCopy(storage, undefined)).toBeUndefined();
    const other = await beginCopy(storage, 70 * MB + 1);
    expect(other).toBeDefined();
    await other?.discard();
  });
});
