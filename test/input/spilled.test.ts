import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../src/input/errors.js';
import { hash64 } from '../../src/input/id-table.js';
import { OFFSET_BYTES, OffsetsWriter } from '../../src/input/offsets.js';
import { RecordBlocks } from '../../src/input/record-blocks.js';
import type { ScanOptions, ScanResult } from '../../src/input/scan.js';
import { ScratchFile } from '../../src/input/scratch-file.js';
import { exactIds } from '../../src/input/seen-ids.js';
import { SpilledTable } from '../../src/input/spilled-table.js';
import { collect, inPieces, scan, temporaryFolder } from './helpers.js';

/** Ids and their absence, few enough to repeat and to be the numbers of lines. */
const id = fc.option(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom('1', '3', '07', 'a', 'b', 'é')), {
  nil: undefined,
});
const line = fc.oneof(
  { weight: 8, arbitrary: id.map((own) => JSON.stringify({ id: own, prompt: `about ${own}` })) },
  { weight: 1, arbitrary: id.map((own) => JSON.stringify({ id: own, prompt: 7 })) },
  { weight: 1, arbitrary: fc.constantFrom('', 'no json', '{"prompt":"a","attachment":"none.png"}') },
);

/** What a scan finds, or the error that it ends with. */
async function found(scanning: Promise<ScanResult>): Promise<unknown> {
  try {
    const { close, keys, offsets, ...rest } = await scanning;
    const all = { ...rest, keys: await collect(keys), offsets: await collect(offsets) };
    close();
    return all;
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message;
    throw error;
  }
}

describe('a scan of more ids than are kept in memory', () => {
  it('finds what one with all of them in memory finds: the same items, the same duplicates, the same words', async () => {
    const folder = await temporaryFolder();
    const lines = fc.array(line, { minLength: 1, maxLength: 30 });
    const flags = fc.record({ skipInvalid: fc.boolean(), unique: fc.boolean(), listInvalid: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(lines, flags, fc.integer({ min: 1, max: 8 }), async (some, options, keptIds) => {
        const bytes = Buffer.from([...some, '{"prompt":"last"}'].join('\n'));
        const measured = { chunkSize: 3, measure: () => 1, ...options };
        const again = () => ({ source: inPieces(bytes, 50) });
        const spill = { folder, again, keptIds };
        expect(await found(scan(bytes, { ...measured, spill }))).toEqual(await found(scan(bytes, measured)));
      }),
      { numRuns: 600 },
    );
  });

  it('reads its source once if no id repeats, and leaves no file behind', async () => {
    const folder = path.join(await temporaryFolder(), 'data');
    const bytes = Buffer.from(
      Array.from({ length: 5_000 }, (_, at) => JSON.stringify({ id: `row-${at}`, prompt: 'a' })).join('\n'),
    );
    const again = (): ReturnType<NonNullable<ScanOptions['spill']>['again']> => {
      throw new Error('it is read again');
    };
    const { manifest, close } = await scan(bytes, { spill: { folder, again, keptIds: 1_000 } });
    expect(manifest.items).toBe(5_000);
    close();
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
  });

  it('does not take two ids for one because they share a hash', () => {
    // Every id is a candidate here, as if all had the same hash.
    const ids = exactIds({ find: () => 1, size: 1 });
    expect(ids.claim('a', 1)).toBeUndefined();
    expect(ids.claim('b', 2)).toBeUndefined();
    expect(ids.claim('a', 3)).toEqual({ kind: 'duplicate', line: 1 });
  });
});

describe('SpilledTable', () => {
  it('finds each repeated text with its first line, some at once and the others at the end', async () => {
    const folder = await temporaryFolder();
    const texts = fc.array(fc.integer({ min: 0, max: 40 }).map(String), { maxLength: 120 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 30 }), (all, kept) => {
        const file = new ScratchFile(folder);
        const table = new SpilledTable(file, kept);
        const repeats: [number, number][] = [];
        all.forEach((text, at) => {
          const first = table.claim(text, at + 1);
          if (first !== undefined) repeats.push([at + 1, first]);
        });
        table.forEachRepeat((hash, number, first) => {
          expect(hash).toEqual(hash64(all[number - 1] ?? ''));
          repeats.push([number, first]);
        });
        file.close();
        const expected = all.flatMap((text, at) => (all.indexOf(text) < at ? [[at + 1, all.indexOf(text) + 1]] : []));
        expect(repeats.sort(([a], [b]) => a - b)).toEqual(expected);
      }),
    );
  });

  it('finds one among hundreds of thousands, in blocks that were written', async () => {
    const file = new ScratchFile(await temporaryFolder());
    const table = new SpilledTable(file, 10);
    for (let number = 1; number <= 600_000; number++)
      table.claim(number === 599_999 ? 'row-77' : `row-${number}`, number);
    const repeats: number[][] = [];
    table.forEachRepeat((_hash, number, first) => repeats.push([number, first]));
    expect(repeats).toEqual([[599_999, 77]]);
    file.close();
  });
});

describe('RecordBlocks', () => {
  it('gives the same bytes from a file as from memory, any range of them', async () => {
    const folder = await temporaryFolder();
    const blocks = fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 7 }), fc.nat(30), fc.nat(30));
    await fc.assert(
      fc.asyncProperty(blocks, async ([full, last, from, length]) => {
        const file = new ScratchFile(folder);
        const [inFile, inMemory] = [new RecordBlocks(7, file, 3), new RecordBlocks(7)];
        for (let at = 0; at <= full; at++) {
          const block = new Uint8Array(at === full ? last : 7).fill(at);
          inFile.push(block);
          inMemory.push(block);
        }
        expect(Buffer.concat(await collect(inFile))).toEqual(Buffer.concat(await collect(inMemory)));
        expect([...inFile.read(from, from + length)]).toEqual([...inMemory.read(from, from + length)]);
        file.close();
      }),
    );
  });

  it('keeps the places of a million and a half items, most in a file', async () => {
    const folder = path.join(await temporaryFolder(), 'scratch');
    await mkdir(folder);
    const file = new ScratchFile(folder);
    const writer = new OffsetsWriter(file);
    for (let item = 0; item < 1_500_000; item++) writer.add(item * 10, 9, item + 1, item);
    const records = writer.records();
    const lengths = (await collect(records)).map(({ byteLength }) => byteLength);
    expect(lengths.reduce((sum, bytes) => sum + bytes, 0)).toBe(1_500_000 * OFFSET_BYTES);
    expect(file.read(0, 1).byteLength).toBe(1);
    file.close();
  });
});
