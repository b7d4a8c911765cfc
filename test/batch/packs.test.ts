import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PACK_CAP, packSize } from '../../src/batch/packs.js';

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
