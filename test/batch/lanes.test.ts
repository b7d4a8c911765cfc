import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grantLanes, type LaneSituation } from '../../src/batch/lanes.js';

const situations: fc.Arbitrary<LaneSituation> = fc.record({
  concurrency: fc.integer({ min: 1, max: 2000 }),
  started: fc
    .array(fc.record({ held: fc.nat({ max: 60 }), waiting: fc.nat({ max: 60 }) }), { maxLength: 40 })
    .map((chunks) => chunks.map((lanes, chunk) => ({ chunk, ...lanes }))),
  unstarted: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 50 }),
});

const total = (lanes: readonly number[]) => lanes.reduce((sum, count) => sum + count, 0);

describe('free lanes', () => {
  it('go to started chunks first, then to the next ones', () => {
    const started = [
      { chunk: 3, held: 4, waiting: 2 },
      { chunk: 4, held: 1, waiting: 0 },
    ];
    expect(grantLanes({ concurrency: 10, started, unstarted: [2, 9, 9] })).toEqual({
      grants: [{ chunk: 3, lanes: 2 }],
      starts: [2, 1],
    });
  });

  it('are never more than the run has, and none is idle while work waits', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const { grants, starts } = grantLanes(situation);
        const held = total(situation.started.map((chunk) => chunk.held));
        const given = total(grants.map(({ lanes }) => lanes)) + total(starts);
        const wanted = total(situation.started.map(({ waiting }) => waiting)) + total(situation.unstarted);
        const free = Math.max(0, situation.concurrency - held);
        expect(given).toBe(Math.min(free, wanted));
        // A lane too many held is not made up for, and none of the entries is empty.
        expect([...grants.map(({ lanes }) => lanes), ...starts].every((lanes) => lanes > 0)).toBe(true);
      }),
    );
  });

  it('start chunks in the order of the input, and the next only when the one before has all it can use', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const { grants, starts } = grantLanes(situation);
        starts.slice(0, -1).forEach((lanes, position) => {
          expect(lanes).toBe(situation.unstarted[position]);
        });
        if (starts.length === 0) return;
        for (const { chunk, waiting } of situation.started) {
          expect(grants.find((grant) => grant.chunk === chunk)?.lanes ?? 0).toBe(waiting);
        }
      }),
    );
  });
});
