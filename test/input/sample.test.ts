import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sampler, sampleKey } from '../../src/input/sample.js';

function sampleOf(rows: readonly number[], size: number, seed: number): number[] {
  const sampler = new Sampler(size, seed);
  for (const row of rows) sampler.add(row);
  return rows.filter((row) => sampler.has(row));
}

const upTo = (count: number) => Array.from({ length: count }, (_, row) => row);

describe('a sample', () => {
  it('has as many rows as were asked for, those with the lowest keys, in input order', () => {
    const numbers = fc.uniqueArray(fc.nat(1_000_000), { maxLength: 300 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 200 }), fc.nat(), (unsorted, size, seed) => {
        const rows = unsorted.sort((a, b) => a - b);
        const found = sampleOf(rows, size, seed);
        const byKey = [...rows].sort((a, b) => sampleKey(seed, a) - sampleKey(seed, b) || a - b).slice(0, size);
        expect(found).toEqual(byKey.sort((a, b) => a - b));
      }),
    );
  });

  it('is the same under the same seed, and another under another', () => {
    const [one, again, other] = [7, 7, 8].map((seed) => sampleOf(upTo(1000), 50, seed));
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
  });

  it('keeps most of its rows if some are added at the end of the input', () => {
    const before = sampleOf(upTo(10_000), 500, 1);
    const after = new Set(sampleOf(upTo(10_100), 500, 1));
    expect(before.filter((row) => after.has(row)).length).toBeGreaterThan(480);
  });

  it('takes rows from everywhere, each with about the same chance', () => {
    const tenths = Array<number>(10).fill(0);
    for (let seed = 0; seed < 200; seed++)
      for (const row of sampleOf(upTo(1000), 100, seed))
        tenths[Math.floor(row / 100)] = (tenths[Math.floor(row / 100)] ?? 0) + 1;
    // 2,000 of each tenth are to be expected, with a standard deviation of 42.
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(250);
  });

  it('gives numbers beyond 2^32 keys of their own', () => {
    expect(sampleKey(0, 1)).not.toBe(sampleKey(0, 2 ** 32 + 1));
    expect(sampleKey(2 ** 32, 1)).not.toBe(sampleKey(0, 1));
  });
});
