import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apportion, type ModelShare, takeShares } from '../../src/batch/allocation.js';

/** Models with node counts, at least one of them up. */
const weighted = fc
  .array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 12 })
  .filter((nodes) => nodes.some((count) => count > 0))
  .map((nodes) => nodes.map((weight, index) => ({ model: `m${index}`, weight })));

const sum = (shares: readonly ModelShare[]) => shares.reduce((total, { items }) => total + items, 0);

describe('the share of each model', () => {
  it.each<[number, number[], number[]]>([
    [10, [1], [10]],
    [10, [3, 1], [8, 2]],
    [1, [1, 1, 1], [1, 0, 0]],
    [2, [1, 1, 1], [1, 1, 0]],
    [100, [24, 9, 12, 8, 6], [41, 15, 20, 14, 10]],
    [5, [0, 2, 0], [0, 5, 0]],
    [0, [4, 2], [0, 0]],
  ])('of %i items over nodes %j is %j', (total, nodes, expected) => {
    const shares = apportion(
      total,
      nodes.map((weight, index) => ({ model: `m${index}`, weight })),
    );
    expect(shares.map(({ items }) => items)).toEqual(expected);
    expect(shares.map(({ model }) => model)).toEqual(nodes.map((_, index) => `m${index}`));
  });

  it('sums to all items, and none is a whole item from its exact proportion', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000 }), weighted, (total, models) => {
        const shares = apportion(total, models);
        const nodes = models.reduce((all, { weight }) => all + weight, 0);
        expect(sum(shares)).toBe(total);
        shares.forEach(({ items }, index) => {
          const exact = (total * (models[index]?.weight ?? 0)) / nodes;
          expect(Math.abs(items - exact)).toBeLessThan(1);
          expect(items).toBeGreaterThanOrEqual(0);
        });
      }),
    );
  });

  it('cannot be had where there is no node', () => {
    expect(() => apportion(1, [{ model: 'm', weight: 0 }])).toThrow(RangeError);
    expect(apportion(1, [])).toEqual([]);
  });
});

describe('the chunks of a run', () => {
  it('together give every model exactly its share of the run, however it is cut', () => {
    fc.assert(
      fc.property(weighted, fc.array(fc.nat({ max: 700 }), { maxLength: 40 }), (models, chunks) => {
        const total = chunks.reduce((all, items) => all + items, 0);
        const wanted = apportion(total, models);
        const given = new Map<string, number>();
        let left: readonly ModelShare[] = wanted;
        for (const items of chunks) {
          const { taken, left: rest } = takeShares(items, left);
          expect(sum(taken)).toBe(items);
          for (const { model, items: more } of taken) given.set(model, (given.get(model) ?? 0) + more);
          left = rest;
        }
        expect(left.every(({ items }) => items === 0)).toBe(true);
        for (const { model, items } of wanted) expect(given.get(model) ?? 0).toBe(items);
      }),
    );
  });

  it('each come near the proportion, so that no model waits for its turn', () => {
    let left: readonly ModelShare[] = apportion(10_000, [
      { model: 'a', weight: 3 },
      { model: 'b', weight: 2 },
    ]);
    for (let chunk = 0; chunk < 20; chunk++) {
      const { taken, left: rest } = takeShares(500, left);
      expect(taken.map(({ items }) => items)).toEqual([300, 200]);
      left = rest;
    }
  });
});
