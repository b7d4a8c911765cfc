import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PackShape, type PackSituation, packShape, packWidth } from '../../src/batch/packs.js';

const concurrencies = fc.integer({ min: 1, max: 5000 });
const targetCounts = fc.integer({ min: 1, max: 200 });

describe('the permits of a pack', () => {
  it.each<[number, number, number]>([
    [1, 1, 1],
    [10, 1, 10],
    [10, 2, 5],
    [10, 4, 3],
    [10, 40, 3],
    [50, 1, 10],
    [50, 40, 10],
    [2000, 1, 40],
    [2000, 12, 40],
    [10, 0, 10],
  ])('in a run with %i of them and %i targets are %i', (concurrency, targets, width) => {
    expect(packWidth(concurrency, targets)).toBe(width);
  });

  it('are so many that 50 packs hold all of a run, and so few that up to four targets have a pack at a time', () => {
    fc.assert(
      fc.property(concurrencies, targetCounts, (concurrency, targets) => {
        const packs = Math.ceil(concurrency / packWidth(concurrency, targets));
        expect(packs).toBeLessThanOrEqual(50);
        // Five permits over four targets are packs of two, two and one.
        expect(packs).toBeGreaterThanOrEqual(Math.min(targets, 4, concurrency) - 1);
      }),
    );
  });
});

describe('the shape of a pack', () => {
  it.each<[string, PackSituation, PackShape]>([
    [
      'is its permits’ part of what is ready',
      { concurrency: 50, ready: 300, among: 50, free: 50, targets: 1 },
      shape(10, 60),
    ],
    [
      'is small for permits that are left over',
      { concurrency: 50, ready: 300, among: 25, free: 3, targets: 1 },
      shape(3, 36),
    ],
    [
      'has 10,000 items and no more',
      { concurrency: 10, ready: 1_000_000, among: 10, free: 10, targets: 1 },
      shape(10, 10_000),
    ],
    [
      'has an item for each permit at the end',
      { concurrency: 10, ready: 10, among: 10, free: 10, targets: 2 },
      shape(5, 5),
    ],
    [
      'has one item where none is known to be left',
      { concurrency: 10, ready: 0, among: 10, free: 10, targets: 1 },
      shape(10, 1),
    ],
    [
      'has the items that the user wants',
      { concurrency: 50, ready: 9, among: 50, free: 50, targets: 1, fixed: 700 },
      shape(10, 700),
    ],
    [
      'has no more permits than wanted items',
      { concurrency: 50, ready: 900, among: 50, free: 50, targets: 1, fixed: 2 },
      shape(2, 2),
    ],
  ])('%s', (_what, situation, expected) => {
    expect(packShape(situation)).toEqual(expected);
  });

  const situations = fc
    .record({
      concurrency: concurrencies,
      ready: fc.integer({ min: 1, max: 1_000_000 }),
      among: fc.integer({ min: 1, max: 5000 }),

      free: fc.integer({ min: 1, max: 5000 }),
      targets: targetCounts,
      fixed: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
    })
    .map((situation) => ({ ...situation, free: Math.min(situation.free, situation.concurrency) }));

  it('has one permit or more, none that is not free, and whole items', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const { permits, items } = packShape(situation);
        expect(Number.isInteger(permits) && Number.isInteger(items)).toBe(true);
        expect(permits).toBeGreaterThanOrEqual(1);
        expect(permits).toBeLessThanOrEqual(situation.free);
        expect(items).toBeGreaterThanOrEqual(1);
        expect(items).toBeLessThanOrEqual(situation.fixed ?? 10_000);
      }),
    );
  });

  it('leaves every permit its part: packs for all permits of a run have no more items than are left', () => {
    fc.assert(
      fc.property(concurrencies, targetCounts, fc.integer({ min: 1, max: 100_000 }), (concurrency, targets, items) => {
        let [free, left, packs] = [concurrency, items, 0];
        while (free > 0 && left > 0) {
          const pack = packShape({ concurrency, ready: items, among: concurrency, free, targets });
          free -= pack.permits;
          left -= pack.items;
          packs++;
        }
        // Each pack is rounded up to a whole item.
        expect(free * items).toBeLessThanOrEqual(packs * concurrency);
      }),
    );
  });
});

function shape(permits: number, items: number): PackShape {
  return { permits, items };
}
