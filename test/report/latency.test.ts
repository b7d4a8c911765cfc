import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Latencies } from '../../src/report/latency.js';

const latencies = fc.array(fc.integer({ min: 1, max: 86_400_000 }), { minLength: 1, maxLength: 300 });

function counted(values: readonly number[]): Latencies {
  const found = new Latencies();
  for (const value of values) found.add(value);
  return found;
}

describe('Latencies', () => {
  it('gives quantiles within 1 % of the nearest rank, and the greatest exactly', () => {
    fc.assert(
      fc.property(latencies, fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (values, q) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
        const found = counted(values);
        expect(Math.abs(found.quantile(q) / exact - 1)).toBeLessThanOrEqual(0.01);
        expect([found.min, found.max]).toEqual([sorted[0], sorted.at(-1)]);
      }),
    );
  });

  it('shares all answers out over the steps of a distribution', () => {
    fc.assert(
      fc.property(latencies, fc.integer({ min: 1, max: 80 }), (values, steps) => {
        const found = counted(values);
        const shares = found.distribution(found.min / 1.1, found.max * 1.1, steps);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('draws an even logarithm without teeth', () => {
    const even = counted(Array.from({ length: 20_000 }, (_, step) => 1000 * 10 ** (step / 20_000)));
    const shares = even.distribution(1000, 10_000, 37);
    for (const share of shares.slice(1, -1)) expect(share * 37).toBeCloseTo(1, 1);
  });

  it('takes a time of no length, and none that is no number', () => {
    const found = counted([0, Number.NaN]);
    expect([found.count, found.quantile(0.5)]).toEqual([1, 1]);
    expect(new Latencies().quantile(0.5)).toBe(0);
  });
});
