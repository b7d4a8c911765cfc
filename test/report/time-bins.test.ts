import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeBins } from '../../src/report/time-bins.js';

const START = Date.UTC(2026, 10, 25, 13, 0, 0);

function binsOf(moments: readonly number[]): TimeBins {
  const bins = new TimeBins();
  for (const at of moments) bins.add(at);
  return bins;
}

describe('TimeBins', () => {
  it('counts every moment once, in the bin that it is in', () => {
    const moments = fc.array(fc.integer({ min: 0, max: 400_000_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(moments, fc.integer({ min: 1, max: 200 }), (offsets, most) => {
        const at = offsets.map((offset) => START + offset);
        const binned = binsOf(at).binned(most);
        if (binned === undefined) throw new Error('there are moments');
        const { start, width, counts } = binned;
        expect(counts.length).toBeLessThanOrEqual(most);
        expect(start % width).toBe(0);
        counts.forEach((count, bin) => {
          const from = start + bin * width;
          expect(count).toBe(at.filter((moment) => moment >= from && moment < from + width).length);
        });
        expect([counts[0], counts.at(-1)]).not.toContain(0);
      }),
    );
  });

  it.each([
    ['three seconds', 3_000, 100],
    ['a minute', 60_000, 500],
    ['ten minutes', 600_000, 5_000],
    ['a day', 86_400_000, 1_800_000],
    ['a year', 31_536_000_000, 345_600_000],
  ])('takes round steps for %s', (_what, span, width) => {
    expect(binsOf([START, START + span - 1]).binned(120)?.width).toBe(width);
  });

  it('has nothing where there is nothing', () => {
    expect(new TimeBins().binned(10)).toBeUndefined();
    expect(binsOf([Number.NaN, Infinity]).binned(10)).toBeUndefined();
  });

  it('keeps few bins however many moments', () => {
    const bins = new TimeBins();
    for (let at = 0; at < 100_000; at++) bins.add(START + at * 1000);
    expect(bins.binned(Number.POSITIVE_INFINITY)?.counts.length).toBeLessThanOrEqual(4096);
    expect(bins.binned(120)?.counts.reduce((sum, count) => sum + count, 0)).toBe(100_000);
  });
});
