import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PACK_CAP, type PackSituation, packShape, packSize, packWidth, WIDE_PACK_CAP } from '../../src/batch/packs.js';

const lanes = fc.integer({ min: 1, max: 2000 });

describe('the size of a pack', () => {
  it.each([
    ['long while there is much to do', { left: 100_000, concurrency: 50, latencyMs: 100 }, 100],
    ['half of what a lane still gets', { left: 1000, concurrency: 50, latencyMs: 100 }, 10],
    ['one at the end', { left: 90, concurrency: 50, latencyMs: 100 }, 1],
    ['one when nothing is left', { left: 0, concurrency: 50, latencyMs: 100 }, 1],
    ['small while no answer was seen', { left: 100_000, concurrency: 1 }, 4],
    ['short in time for a slow model', { left: 100_000, concurrency: 1, latencyMs: 6000 }, 10],
    ['one for a model slower than a pack may take', { left: 100_000, concurrency: 1, latencyMs: 90_000 }, 1],
    ['as long as allowed for answers at once', { left: 100_000, concurrency: 1, latencyMs: 0 }, 100],
    ['what the user says', { left: 3, concurrency: 1, latencyMs: 60_000, fixed: 700 }, 700],
  ])('is %s', (_how, situation, size) => {
    expect(packSize(situation)).toBe(size);
  });

  it('is at least one and at most the cap, and two for each lane come out of what is left', () => {
    const latency = fc.option(fc.double({ min: 0, max: 600_000, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000 }), lanes, latency, (left, concurrency, latencyMs) => {
        const size = packSize({ left, concurrency, latencyMs });
        expect(Number.isInteger(size)).toBe(true);
        expect(size).toBeGreaterThanOrEqual(1);
        expect(size).toBeLessThanOrEqual(PACK_CAP);
        // No pack takes so much that a lane would have nothing: each takes at most half of its part.
        if (left > 2 * concurrency) expect((size - 1) * 2 * concurrency).toBeLessThan(left);
      }),
    );
  });

  it('comes down to single items for the last rounds of all lanes', () => {
    fc.assert(
      fc.property(lanes, (concurrency) => {
        for (let left = 1; left <= 2 * concurrency; left += Math.max(1, Math.floor(concurrency / 5))) {
          expect(packSize({ left, concurrency, latencyMs: 1 })).toBe(1);
        }
      }),
    );
  });
});

const situations: fc.Arbitrary<PackSituation> = fc.record({
  left: fc.integer({ min: 1, max: 1_000_000 }),
  concurrency: lanes,
  latencyMs: fc.option(fc.integer({ min: 0, max: 600_000 }), { nil: undefined }),
  fixed: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
  wide: fc.boolean(),
});
const places = fc.record({ free: lanes, open: fc.integer({ min: 1, max: 2000 }), number: fc.integer({ min: 1 }) });

describe('the lanes of a pack', () => {
  it.each([
    ['one for few lanes', { concurrency: 10, wide: true }, 1],
    ['some, so that ten packs hold all', { concurrency: 20, wide: true }, 2],
    ['five for most runs', { concurrency: 50, wide: true }, 5],
    ['five for a hundred lanes', { concurrency: 100, wide: true }, 5],
    ['ten while there is much left', { left: 4000, concurrency: 100, wide: true }, 10],
    ['five when it is no longer much', { left: 3999, concurrency: 100, wide: true }, 5],
    ['so many that there are five packs', { left: 100_000, concurrency: 25, wide: true }, 5],
    ['one for one lane', { left: 100_000, concurrency: 1, wide: true }, 1],
    ['more where fifty packs must hold all', { concurrency: 2000, wide: true }, 40],
    ['one on shared workers', { concurrency: 2000 }, 1],
    ['one for packs of a size that the user gives', { concurrency: 2000, wide: true, fixed: 10 }, 1],
  ])('are %s', (_how, situation, width) => {
    expect(packWidth(situation)).toBe(width);
  });

  it.each([
    [
      'as many as are free and wanted',
      { left: 100_000, concurrency: 50, latencyMs: 500, wide: true },
      { free: 50, open: 2000, number: 6 },
      { items: 705, lanes: 18, last: false },
    ],
    [
      'one for each item when there are lanes for all',
      { left: 1000, concurrency: 2000, wide: true },
      { free: 2000, open: 1000, number: 6 },
      { items: 40, lanes: 40, last: true },
    ],
    [
      'those that are left over',
      { left: 100_000, concurrency: 50, latencyMs: 6000, wide: true },
      { free: 3, open: 900, number: 6 },
      { items: 17, lanes: 3, last: false },
    ],
    [
      'one for items that must not wait for one another',
      { left: 40, concurrency: 10 },
      { free: 4, open: 7, number: 6 },
      { items: 2, lanes: 1, last: false },
    ],
  ])('are %s', (_how, situation, place, shape) => {
    expect(packShape(situation, place)).toEqual(shape);
  });

  it('are never more than are free, nor than its items, of which it has no more than there are', () => {
    fc.assert(
      fc.property(situations, places, (situation, place) => {
        const { items, lanes: held, last } = packShape(situation, place);
        expect(Number.isInteger(items) && Number.isInteger(held)).toBe(true);
        expect(held).toBeGreaterThanOrEqual(1);
        expect(held).toBeLessThanOrEqual(place.free);
        if (situation.fixed !== undefined) expect([items, held]).toEqual([situation.fixed, 1]);
        else expect(held).toBeLessThanOrEqual(items);
        if (situation.wide === true && packWidth(situation) > 1) {
          expect(items).toBeLessThanOrEqual(Math.min(place.open, WIDE_PACK_CAP));
          if (last) expect(situation.left - items).toBeLessThanOrEqual(situation.concurrency);
        } else expect([held, last]).toEqual([1, false]);
      }),
    );
  });

  it('are all used at once when there are items for all, whatever their number', () => {
    fc.assert(
      fc.property(lanes, (concurrency) => {
        let [free, open, packs] = [concurrency, concurrency, 0];
        while (free > 0 && open > 0) {
          const situation = { left: open, concurrency, wide: true };
          const { items, lanes: held } = packShape(situation, { free, open, number: packs++ });
          free -= held;
          open -= items;
        }
        // Rounding may leave a few items that have to wait, and their lanes idle.
        expect(free).toBeLessThanOrEqual(packs);
      }),
    );
  });

  it('take no longer than a minute for their items, as far as the answer time is known', () => {
    fc.assert(
      fc.property(situations, places, fc.integer({ min: 1, max: 60_000 }), (situation, place, latencyMs) => {
        const { items, lanes: held } = packShape({ ...situation, wide: true, latencyMs }, place);
        if (situation.fixed === undefined) expect(Math.floor(items / held) * latencyMs).toBeLessThanOrEqual(60_000);
      }),
      // Three items of 20,001 ms on one lane, once.
      { examples: [[{ left: 9, concurrency: 11 }, { free: 1, open: 3, number: 410_863_631 }, 20_001]] },
    );
  });

  it('are one in all packs of a run or in none: packs of one lane lend nothing to longer ones', () => {
    fc.assert(
      fc.property(lanes, fc.nat(1_000_000), (concurrency, left) => {
        const isNarrow = packWidth({ concurrency, wide: true, left }) === 1;
        expect(isNarrow).toBe(packWidth({ concurrency, wide: true }) === 1);
      }),
    );
    expect(packWidth({ concurrency: 10, wide: true, left: 100_000 })).toBe(1);
  });

  it('are in few packs, however many lanes there are', () => {
    fc.assert(
      fc.property(lanes, (concurrency) => {
        expect(Math.ceil(concurrency / packWidth({ concurrency, wide: true }))).toBeLessThanOrEqual(50);
      }),
    );
  });
});
