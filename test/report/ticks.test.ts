import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logTicks, timeTicks, valueTicks } from '../../src/report/ticks.js';

describe('the marks of an axis', () => {
  it('of values begin at 0, are evenly spaced, and reach over the greatest', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (max) => {
        const ticks = valueTicks(max);
        const top = ticks.at(-1) ?? 0;
        expect(ticks[0]).toBe(0);
        expect(ticks.length).toBeGreaterThanOrEqual(3);
        expect(ticks.length).toBeLessThanOrEqual(6);
        expect(top).toBeGreaterThanOrEqual(max * 0.999);
        expect((ticks[1] ?? 0) * (ticks.length - 1)).toBeCloseTo(top, 5);
      }),
    );
    expect(valueTicks(79.4)).toEqual([0, 20, 40, 60, 80]);
    expect(valueTicks(0)).toEqual([0, 1]);
  });

  it('of a time are at round times and few', () => {
    const from = Date.UTC(2026, 10, 25, 13, 39, 50);
    const shown = (span: number) =>
      timeTicks(from, from + span, 6).map((tick) => new Date(tick).toISOString().slice(11, 19));
    expect(shown(130_000)).toEqual(['13:40:00', '13:40:30', '13:41:00', '13:41:30', '13:42:00']);
    expect(shown(3_600_000)).toEqual(['13:40:00', '13:50:00', '14:00:00', '14:10:00', '14:20:00', '14:30:00']);
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 10 * 365 * 86_400_000 }), (span) => {
        const ticks = timeTicks(from, from + span, 6);
        expect(ticks.length).toBeLessThanOrEqual(7);
        for (const tick of ticks) expect(tick >= from && tick <= from + span).toBe(true);
      }),
    );
  });

  it('of a logarithm are 1, 2 and 5, or powers of ten where those are too many', () => {
    expect(logTicks(90, 2100, 5)).toEqual([100, 200, 500, 1000, 2000]);
    expect(logTicks(90, 13_000, 5)).toEqual([100, 1000, 10_000]);
  });
});
