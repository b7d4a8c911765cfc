import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addLatencies, countLatency, type LatencyHistogram, latencyPercentile } from '../../src/batch/latency.js';

const times = fc.array(fc.integer({ min: 1, max: 600_000 }), { minLength: 1, maxLength: 200 });
const histogramOf = (all: readonly number[]) => all.reduce<LatencyHistogram>(countLatency, {});

describe('times of answers', () => {
  it('have percentiles that are right to a tenth', () => {
    fc.assert(
      fc.property(times, fc.constantFrom(0.5, 0.95, 1), (all, share) => {
        const sorted = [...all].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
        const told = latencyPercentile(histogramOf(all), share) ?? 0;
        expect(Math.abs(told - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.1));
      }),
    );
  });

  it('are counted the same in one histogram as in two', () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        expect(addLatencies(histogramOf(a), histogramOf(b))).toEqual(histogramOf([...a, ...b]));
      }),
    );
  });

  it('have none of it while there is no answer', () => {
    expect(latencyPercentile({}, 0.5)).toBeUndefined();
  });

  it('stay small: a few entries for a day', () => {
    expect(Object.keys(histogramOf(Array.from({ length: 1000 }, (_, n) => 1 + n * 86_400))).length).toBeLessThan(80);
  });
});
