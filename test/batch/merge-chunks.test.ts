import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeModels, encodeModels } from '../../src/batch/chunk-models.js';
import { countLayout, decodeLayout, encodeLayout, type LayoutCode } from '../../src/batch/layout.js';
import { type ChunkManifest, chunkOf } from '../../src/batch/manifest.js';
import { mergeChunks } from '../../src/batch/merge-chunks.js';
import { sumOfModalities } from '../../src/batch/modality.js';

const CODES: readonly LayoutCode[] = ['text', 'vision', 'invalid', 'twin-text', 'reused-text', 'reused-audio'];

/** Runs of items, mostly reused ones. */
const items = fc
  .array(
    fc.tuple(
      fc.oneof({ weight: 3, arbitrary: fc.constant<LayoutCode>('reused-text') }, fc.constantFrom(...CODES)),
      fc.integer({ min: 1, max: 9 }),
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((runs) => runs.flatMap(([code, count]) => new Array<LayoutCode>(count).fill(code)));

/** Cuts items as the reading of an input does. */
function cut(codes: readonly LayoutCode[], chunkSize: number, copies = 0): ChunkManifest[] {
  return Array.from({ length: Math.ceil(codes.length / chunkSize) }, (_, chunk) => {
    const first = chunk * chunkSize;
    const layout = encodeLayout(codes.slice(first, first + chunkSize));
    return { chunk, first, layout, ...(copies === 0 ? {} : { copies }) };
  });
}

function asked({ layout }: ChunkManifest): number {
  return sumOfModalities(countLayout(layout).asked);
}

describe('mergeChunks', () => {
  it('has every item in one chunk, asks no more in one than a chunk has, and leaves no two that would fit together', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 20 }), (codes, chunkSize) => {
        const before = cut(codes, chunkSize, 1);
        const merged = mergeChunks({ chunks: before, chunkSize });
        const chunks = merged.map(({ chunk }) => chunk);
        expect(chunks.flatMap(({ layout }) => decodeLayout(layout))).toEqual(codes);
        expect(merged.flatMap(({ from }) => from)).toEqual(before);
        let first = 0;
        for (const [at, chunk] of chunks.entries()) {
          const all = decodeLayout(chunk.layout);
          expect(chunk).toMatchObject({ chunk: at, first, copies: merged[at]?.from.length });
          expect(chunk.layout).toBe(encodeLayout(all));
          for (const place of all.keys()) expect(chunkOf(chunks, first + place)).toBe(chunk);
          expect(asked(chunk)).toBeLessThanOrEqual(chunkSize);
          const next = merged[at + 1]?.from[0];
          if (next !== undefined) expect(asked(chunk) + asked(next)).toBeGreaterThan(chunkSize);
          first += all.length;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('has the models that items name, each with its item', () => {
    const names = [undefined, 'a', undefined, 'b', 'a', undefined, undefined, 'c'];
    const codes = names.map((): LayoutCode => 'reused-text');
    const before = cut(codes, 2).map((chunk) => {
      const models = encodeModels(names.slice(chunk.first, chunk.first + 2));
      return models === undefined ? chunk : { ...chunk, models };
    });
    const [merged, ...others] = mergeChunks({ chunks: before, chunkSize: 2 });
    expect(others).toEqual([]);
    expect(decodeModels(merged?.chunk.models ?? { names: [], items: '' })).toEqual(names);
  });

  it('makes six of the thirty chunks of 300,000 items of which one in a hundred is asked', () => {
    const codes = Array.from({ length: 300_000 }, (_, item): LayoutCode => (item % 100 === 0 ? 'text' : 'reused-text'));
    const chunks = mergeChunks({ chunks: cut(codes, 10_000), chunkSize: 10_000 }).map(({ chunk }) => chunk);
    expect(chunks).toHaveLength(6);
    expect(chunks.map(asked)).toEqual(new Array(6).fill(500));
  });

  it('keeps layouts short enough to travel, whatever is asked', () => {
    const codes = Array.from(
      { length: 60_000 },
      (_, item): LayoutCode => (item % 4 === 0 ? 'text' : (CODES[3 + (item % 2)] ?? 'text')),
    );
    const chunks = mergeChunks({ chunks: cut(codes, 10_000), chunkSize: 10_000 }).map(({ chunk }) => chunk);
    for (const { layout } of chunks) expect(layout.length).toBeLessThanOrEqual(40_000);
    expect(chunks.length).toBeGreaterThan(1);
  });

  it('leaves chunks as they are that ask all their items', () => {
    const before = cut(new Array<LayoutCode>(30).fill('text'), 10);
    expect(mergeChunks({ chunks: before, chunkSize: 10 }).map(({ chunk }) => chunk)).toEqual(before);
  });
});

describe('chunkOf', () => {
  it('finds no chunk for what is before the first or where there are none', () => {
    expect(chunkOf([], 0)).toBeUndefined();
    expect(chunkOf([{ chunk: 0, first: 5, layout: 't1' }], 4)).toBeUndefined();
  });
});
