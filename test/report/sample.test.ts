import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Spread, tableRows } from '../../src/report/sample.js';

const LIMITS = { rows: 100, bytes: 1000 };

describe('the rows of a table', () => {
  it('are all while they are within the limits', () => {
    expect(tableRows({ ok: 60, failed: 40 }, 1000, LIMITS)).toEqual({ ok: 60, failed: 40 });
    expect(tableRows({ ok: 0, failed: 0 }, 0, LIMITS)).toEqual({ ok: 0, failed: 0 });
  });

  it('are all the failed ones, and answers as far as there is room', () => {
    expect(tableRows({ ok: 1000, failed: 30 }, 0, LIMITS)).toEqual({ ok: 70, failed: 30 });
  });

  it('leave half to the answers where there are too many failed ones', () => {
    expect(tableRows({ ok: 1000, failed: 1000 }, 0, LIMITS)).toEqual({ ok: 50, failed: 50 });
    expect(tableRows({ ok: 10, failed: 1000 }, 0, LIMITS)).toEqual({ ok: 10, failed: 90 });
  });

  it('are fewer where their texts are long', () => {
    expect(tableRows({ ok: 50, failed: 0 }, 2000, LIMITS)).toEqual({ ok: 25, failed: 0 });
  });

  it('are never over the limits, and never none', () => {
    const counts = fc.record({ ok: fc.nat(3000), failed: fc.nat(3000) });
    fc.assert(
      fc.property(counts, fc.nat(100_000), (all, bytes) => {
        const { ok, failed } = tableRows(all, bytes, LIMITS);
        const rows = all.ok + all.failed;
        expect(ok).toBeLessThanOrEqual(all.ok);
        expect(failed).toBeLessThanOrEqual(all.failed);
        expect(ok + failed).toBeLessThanOrEqual(LIMITS.rows);
        if (rows > 0) expect(ok + failed).toBeGreaterThan(0);
        if (ok + failed > 1)
          expect(((ok + failed) * bytes) / rows).toBeLessThanOrEqual(Math.max(bytes / rows, LIMITS.bytes));
      }),
    );
  });
});

describe('Spread', () => {
  it('chooses exactly as many as it should, as far apart as can be', () => {
    const sizes = fc
      .integer({ min: 1, max: 2000 })
      .chain((total) => fc.tuple(fc.constant(total), fc.integer({ min: 0, max: total })));
    fc.assert(
      fc.property(sizes, ([total, keep]) => {
        const spread = new Spread(total, keep);
        const chosen = Array.from({ length: total }, (_, at) => at).filter(() => spread.next());
        expect(chosen).toHaveLength(keep);
        const gaps = chosen.slice(1).map((at, before) => at - (chosen[before] ?? 0));
        for (const gap of gaps) expect(Math.abs(gap - total / keep)).toBeLessThan(1);
      }),
    );
  });
});
