import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyReport, type BatchState, endChunk } from '../../src/batch/batch-state.js';
import { applyChange } from '../../src/batch/change.js';
import type { ChunkReport } from '../../src/batch/chunk-messages.js';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { grantTo, heldPermits, itemTokens, ordersFor, planPermits } from '../../src/batch/permits.js';
import { report, runOf, started } from './run-of-state.js';

/** A run of 100 items a chunk, whose first chunks have so many permits. */
function withStarted(permits: readonly number[], concurrency = 10, chunks = permits.length + 1): BatchState {
  const state = runOf(new Array<number>(chunks).fill(100), { concurrency });
  return permits.reduce((next, count) => started(next, 100, count), state);
}

const held = (state: BatchState) => Object.values(state.running).reduce((sum, chunk) => sum + heldPermits(chunk), 0);

describe('the free permits of a run', () => {
  it.each<[string, number, number[], number[]]>([
    ['the first two have items for all', 10, [500, 500, 500], [5, 5]],
    ['there is a single chunk', 10, [500], [10]],
    ['the second has too few items for its half', 10, [500, 2], [8, 2]],
    ['the first has too few items', 10, [4, 3, 90, 90], [4, 3, 3]],
    ['all have too few', 10, [4, 3], [4, 3]],
    ['a chunk has nothing to ask', 10, [0, 500], [1, 9]],
    ['there is no chunk', 10, [], []],
  ])('start as many chunks as have items for them, in order: %s', (_if, concurrency, next, starts) => {
    expect(planPermits(runOf([500], { concurrency }), next)).toEqual({ grants: [], starts });
  });

  it('start 50 chunks at a time and no more', () => {
    expect(planPermits(runOf([500], { concurrency: 2000 }), new Array<number>(90).fill(1)).starts).toHaveLength(50);
  });

  it('go to a chunk that can use more before the next one starts', () => {
    const state = applyReport(withStarted([2]), report(0, { inFlight: 2, open: 40, ready: 5 }));
    expect(planPermits(state, [100])).toEqual({ grants: [{ chunk: 0, permits: 5 }], starts: [3] });
  });

  it('are none for a chunk whose items cannot be in a pack now', () => {
    const state = applyReport(withStarted([2]), report(0, { inFlight: 2, open: 40, ready: 0 }));
    expect(planPermits(state, []).grants).toEqual([]);
  });

  it('are none for a chunk that may spend nothing more, until it is allowed more', () => {
    const state = applyReport(withStarted([2]), report(0, { inFlight: 2, open: 40, ready: 0, shortOf: 900 }));
    const allowed = (allowance: number) => {
      const [running] = Object.values(state.running);
      return planPermits(running === undefined ? state : { ...state, running: { 0: { ...running, allowance } } }, [])
        .grants;
    };
    expect(allowed(900)).toEqual([]);
    expect(allowed(1_200)).toEqual([{ chunk: 0, permits: 8 }]);
  });

  it('come back when a chunk returns them or ends', () => {
    const state = applyReport(withStarted([6, 4]), report(1, { inFlight: 4 }));
    expect(planPermits(state, [100])).toEqual({ grants: [], starts: [] });
    const returned = applyReport(state, report(0, { inFlight: 3, returned: 3 }));
    expect(planPermits(returned, [100]).starts).toEqual([3]);
    expect(planPermits(endChunk(state, 0, { counts: NO_COUNTS }), [100, 100]).starts).toEqual([5, 1]);
  });

  it('are none while the run is paused, and while more are held than a lowered concurrency', () => {
    expect(planPermits({ ...runOf([500]), paused: true }, [500])).toEqual({ grants: [], starts: [] });
    const lowered = applyChange(withStarted([6, 4]), { concurrency: 5 }, []);
    expect(planPermits(lowered, [100])).toEqual({ grants: [], starts: [] });
    const returned = applyReport(lowered, report(0, { returned: 6, open: 100, revision: 1 }));
    expect(planPermits(returned, [100])).toEqual({ grants: [{ chunk: 1, permits: 1 }], starts: [] });
  });

  it('are never more than the run has, whatever is granted, and however late or often reports come', () => {
    const steps = fc.array(
      fc.record({
        chunk: fc.nat({ max: 7 }),
        inFlight: fc.nat({ max: 20 }),
        open: fc.nat({ max: 60 }),
        /** Reports before the newest one: that one comes. */
        late: fc.nat({ max: 4 }),
        what: fc.constantFrom('report', 'report', 'report', 'end', 'grant'),
        concurrency: fc.option(fc.integer({ min: 1, max: 50 }), { freq: 4, nil: undefined }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50 }), (events, first) => {
        let state = runOf(new Array<number>(8).fill(60), { concurrency: first });
        const sent = new Map<number, ChunkReport[]>();
        const truth = new Map<number, number>();
        for (const { chunk, inFlight, open, late, what, concurrency } of events) {
          if (concurrency !== undefined) state = applyChange(state, { concurrency }, []);
          const before = held(state);
          const plan = planPermits(state, new Array<number>(8 - state.nextChunk).fill(60));
          for (const grant of plan.grants) state = grantTo(state, grant.chunk, grant.permits);
          for (const permits of plan.starts) state = started(state, 60, permits);
          // Permits over a bound that was lowered are on their way back; none is granted meanwhile.
          expect(held(state)).toBeLessThanOrEqual(Math.max(state.options.concurrency, before));
          const known = state.running[chunk];
          if (known === undefined || what === 'grant') continue;
          if (what === 'end') {
            state = endChunk(state, chunk, { counts: NO_COUNTS });
            continue;
          }
          // The chunk has returned what no pack of it holds; the parent gets this report, or an older one.
          const returned = Math.max(truth.get(chunk) ?? 0, known.granted - inFlight);
          truth.set(chunk, returned);
          const reports = [...(sent.get(chunk) ?? []), report(chunk, { inFlight, open, ready: open, returned })];
          sent.set(chunk, reports);
          const arriving = reports.at(-1 - Math.min(late, reports.length - 1));
          if (arriving !== undefined) state = applyReport(state, arriving);
          // What chunks really hold is never more than what the parent counts.
          const really = Object.entries(state.running).map(
            ([id, { granted }]) => granted - (truth.get(Number(id)) ?? 0),
          );
          expect(really.reduce((sum, permits) => sum + permits, 0)).toBeLessThanOrEqual(held(state));
        }
      }),
    );
  });
});

describe('the orders for a chunk', () => {
  it('have its permits, and what an item of the run costs and takes', () => {
    const state = applyReport(
      withStarted([4, 4], 10, 3),
      report(0, { open: 60, counts: { ...NO_COUNTS, ok: 4, tokens: 1_001 } }),
    );
    expect(ordersFor(state, 0)).toMatchObject({
      granted: 4,

      paused: false,
      yielding: false,
      tokensPerItem: 251,
    });
    expect(ordersFor(state, 1)).toMatchObject({ granted: 4 });
  });

  it('have the run’s newest options, revision, targets, pause and end of its history', () => {
    const state = { ...applyChange(withStarted([4]), { maxTokens: 7 }, []), paused: true, isFull: true };
    const { options, targets } = state;
    expect(ordersFor(state, 0)).toMatchObject({ revision: 1, options, targets, paused: true, yielding: true });
  });

  it.each([
    ['asking', false],
    ['review', false],
    ['passed', true],
    [undefined, true],
  ] as const)('open what a canary holds back once it is passed: %s', (phase, isPassed) => {
    const canary = { items: '3', pending: [], started: [], offset: { text: 0, vision: 0, audio: 0 } };
    const state = withStarted([4]);
    const orders = ordersFor(phase === undefined ? state : { ...state, canary: { ...canary, phase } }, 0);
    expect(orders?.isCanaryPassed).toBe(isPassed);
  });

  it('are none for a chunk that has ended', () => {
    expect(ordersFor(endChunk(withStarted([1]), 0, { counts: NO_COUNTS }), 0)).toBeUndefined();
  });
});

describe('the cost of an item', () => {
  it('is a guess until one was answered, and no more than an answer may have', () => {
    expect(itemTokens(runOf([1]))).toBe(300);
    expect(itemTokens(runOf([1], { maxTokens: 50 }))).toBe(50);
    expect(itemTokens({ ...runOf([1]), counts: { ...NO_COUNTS, ok: 4, tokens: 900, wastedTokens: 101 } })).toBe(251);
  });
});
