import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apportion, divide } from '../../src/batch/division.js';

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** Node counts of up to 50 targets, one of them with a node. */
const weighted = fc
  .array(fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 190 })), { minLength: 1, maxLength: 50 })
  .filter((weights) => sum(weights) > 0);

/** Checks that each weight has its exact part of `items`, rounded up or down. */
function expectQuota(counts: readonly number[], weights: readonly number[], items: number): void {
  for (const [index, count] of counts.entries()) {
    const part = (items * (weights[index] ?? 0)) / sum(weights);
    expect(count).toBeGreaterThanOrEqual(Math.floor(part + 1e-9));
    expect(count).toBeLessThanOrEqual(Math.ceil(part - 1e-9));
  }
}

describe('the division of items by weights', () => {
  it.each<[number, number[], number[]]>([
    [10, [1], [10]],
    [10, [3, 1], [8, 2]],
    [1, [1, 1, 1], [1, 0, 0]],
    [2, [1, 1, 1], [1, 1, 0]],
    [160, [5, 9, 2], [50, 90, 20]],
    [5, [0, 2, 0], [0, 5, 0]],
    [0, [4, 2], [0, 0]],
    [7, [], []],
    [7, [0, 0], [0, 0]],
    [1_000_000, [1, 3], [250_000, 750_000]],
  ])('of %i over %j is %j', (items, weights, expected) => {
    expect(apportion(items, weights)).toEqual(expected);
  });

  it('gives each weight its exact part of every first n items, rounded up or down', () => {
    fc.assert(
      fc.property(weighted, fc.nat({ max: 5_000 }), (weights, items) => {
        const counts = apportion(items, weights);
        expect(sum(counts)).toBe(items);
        expectQuota(counts, weights, items);
      }),
    );
  });

  it('takes nothing back as the items go on', () => {
    fc.assert(
      fc.property(weighted, fc.nat({ max: 3_000 }), fc.integer({ min: 1, max: 30 }), (weights, items, more) => {
        for (const count of divide(weights, items, items + more)) expect(count).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('adds up over any cut into chunks to the division of the whole', () => {
    fc.assert(
      fc.property(weighted, fc.array(fc.nat({ max: 400 }), { maxLength: 25 }), (weights, chunks) => {
        const given = weights.map(() => 0);
        let from = 0;
        for (const items of chunks) {
          const counts = divide(weights, from, from + items);
          expect(sum(counts)).toBe(items);
          counts.forEach((count, index) => {
            given[index] = (given[index] ?? 0) + count;
          });
          from += items;
        }
        expect(given).toEqual(apportion(from, weights));
        expectQuota(given, weights, from);
      }),
    );
  });

  it('is right to some ten-thousandths if there are very many nodes', () => {
    const large = fc.array(fc.integer({ min: 20_000, max: 9_000_000 }), { minLength: 2, maxLength: 50 });
    fc.assert(
      fc.property(large, fc.nat({ max: 1_000_000 }), (weights, items) => {
        const counts = apportion(items, weights);
        expect(sum(counts)).toBe(items);
        counts.forEach((count, index) => {
          const part = (items * (weights[index] ?? 0)) / sum(weights);
          expect(Math.abs(count - part)).toBeLessThanOrEqual(1 + (items * (1 + weights.length / 2)) / 10_000);
        });
      }),
    );
  });

  it('leaves no weight above 0 without a part, however small it is beside the others', () => {
    const counts = apportion(1_000_000, [9_000_000, 1]);
    expect(counts[1]).toBeGreaterThan(0);
    expect(sum(counts)).toBe(1_000_000);
  });

  it('takes weights that are no whole numbers', () => {
    expect(apportion(1_000, [0.5, 1.5])).toEqual([250, 750]);
  });
});
