import { describe, expect, it } from 'vitest';
import type { ChunkOrders, ChunkReport } from '../../src/batch/chunk-messages.js';
import { reportOf, urgencyOf } from '../../src/batch/chunk-report.js';
import { startChunk } from '../../src/batch/chunk-state.js';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { ordersFor } from '../../src/batch/permits.js';
import { dropTarget, refuseModality } from '../../src/batch/targets.js';
import { cool } from './cool.js';
import { NOW, report, runOf, started, TARGETS } from './run-of-state.js';

const CHUNK = { chunk: 0, first: 0, layout: 't9v1' };

function ordersOf(more: Partial<ChunkOrders> = {}): ChunkOrders {
  const orders = ordersFor(started(runOf(['t9v1']), 't9v1', 4), 0);
  if (orders === undefined) throw new Error('no orders');
  return { ...orders, ...more };
}

describe('the report of a chunk', () => {
  const state = startChunk({ chunk: CHUNK, targets: TARGETS, offset: { text: 0, vision: 0, audio: 0 } });
  const permits = { inFlight: 3, ready: 2 };

  it('has what is open, ready and in packs, what was counted, and the revision that it follows', () => {
    expect(reportOf(0, { ...state, returned: 1 }, ordersOf({ revision: 2 }), permits)).toEqual(
      report(0, { revision: 2, returned: 1, inFlight: 3, open: 10, ready: 2 }),
    );
  });

  it('has a wait and a reason to stop if there is one', () => {
    const wait = { text: '503', since: 1, until: 2, tries: 0, minTries: 0 };
    const stop = { type: 'PaymentRequired', message: '402', askedAt: 1 } as const;
    expect(reportOf(0, { ...state, wait, stop }, ordersOf(), permits)).toMatchObject({ wait, stop });
  });

  it.each<[string, Partial<ChunkOrders>, number, number | undefined]>([
    ['there is no limit', {}, 900, undefined],
    ['something is left', { allowance: 901 }, 900, undefined],
    ['all is spent or reserved', { allowance: 900 }, 900, 900],
    ['more than all is', { allowance: 300 }, 900, 300],
    ['the run is paused', { allowance: 900, paused: true }, 900, undefined],
  ])('names the allowance that is used up: %s', (_if, orders, tokens, shortOf) => {
    const spent = { ...state, counts: { ...NO_COUNTS, tokens: tokens - 400 }, reserved: 400 };
    expect(reportOf(0, spent, ordersOf(orders), permits).shortOf).toBe(shortOf);
  });

  it('names none if nothing is open', () => {
    expect(reportOf(0, { ...state, open: [] }, ordersOf({ allowance: 0 }), permits).shortOf).toBeUndefined();
  });
});

describe('a report is due', () => {
  const wait = { text: '503', since: 1, until: 2, tries: 0, minTries: 0 };
  const stop = { type: 'AllRefused', message: 'x', askedAt: 1 } as const;
  const ok = (count: number) => ({ counts: { ...NO_COUNTS, ok: count } });
  const busy = report(0, { inFlight: 4, open: 50, ready: 50, ...ok(1) });
  const cooled = cool(TARGETS, 'text', NOW, '503');

  it.each<[string, Partial<ChunkReport>, Partial<ChunkReport>, boolean]>([
    ['permits were returned', {}, { returned: 1 }, true],
    ['a wait begins', {}, { wait }, true],
    ['a wait has another end', { wait }, { wait: { ...wait, until: 9 } }, true],
    ['a wait was tried again', { wait }, { wait: { ...wait, tries: 1 } }, false],
    ['the run must stop', {}, { stop }, true],
    ['the allowance is used up', {}, { shortOf: 100 }, true],
    ['another allowance is used up', { shortOf: 100 }, { shortOf: 200 }, true],
    ['a target went down', {}, { targets: cooled }, true],
    ['a target is down for longer', { targets: cooled }, { targets: cool(cooled, 'text', NOW, '', 9_000) }, false],
    ['a target is out', {}, { targets: dropTarget(TARGETS, 'text', '404') }, true],
    ['a target refused a modality', {}, { targets: refuseModality(TARGETS, 'text', 'text', 'no') }, true],
    ['something was learnt', {}, { notes: ['a note'] }, true],
    ['no item can be in a pack now', {}, { ready: 0 }, true],
    ['fewer items can', {}, { ready: 3, open: 3 }, false],
    ['the last permits are busy with the last items', {}, { inFlight: 1, open: 0 }, false],
    ['all packs have ended', { inFlight: 1, open: 0 }, { inFlight: 0, open: 0 }, true],
    ['a pack was cut', {}, { inFlight: 8, open: 40 }, false],
    ['an item was answered', {}, ok(2), false],
    ['a fifth of the items was answered', {}, ok(20), true],
    ['a fifth of the items has failed', {}, { counts: { ...NO_COUNTS, failed: 20 } }, true],
    ['the newest failures are others', {}, { lastFailures: [{ item: 1, target: 'a', error: '500: x' }] }, false],
  ])('if the parent must act on what has changed: %s', (_if, before, after, isDue) => {
    const urgency = (more: Partial<ChunkReport>) => urgencyOf({ ...busy, ...more }, { isPaused: false, items: 100 });
    expect(urgency(before) !== urgency(after)).toBe(isDue);
  });

  it('for each answer that comes after the last pack of a paused chunk was taken back', () => {
    const urgency = (count: number, isPaused: boolean) =>
      urgencyOf({ ...busy, inFlight: 0, ...ok(count) }, { isPaused, items: 100 });
    expect(urgency(2, true)).not.toBe(urgency(3, true));
    expect(urgency(2, false)).toBe(urgency(3, false));
  });

  it('five times for progress alone, however large the chunk is', () => {
    for (const items of [1, 3, 100, 50_000]) {
      const due = new Set(
        Array.from({ length: items }, (_, done) => urgencyOf({ ...busy, ...ok(done) }, { isPaused: false, items })),
      );
      expect(due.size).toBeLessThanOrEqual(5);
    }
  });
});
