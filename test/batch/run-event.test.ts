import { expect, it } from 'vitest';
import { endEvent, pausedEvent, runEventSchema } from '../../src/batch/run-event.js';
import { NO_PROGRESS } from '../../src/batch/run-view.js';
import { summaryOf } from '../support/summary.js';

const AT = Date.UTC(2026, 10, 30, 12);

it('an end has the counts of its summary and the key of the results', () => {
  const summary = summaryOf('r', 5, { ok: 4, failed: 1, tokens: 12 });
  const event = endEvent({ runId: 'r', state: 'completed', summary, results: 'runs/r/results.jsonl' }, AT);
  expect(event).toEqual({
    type: 'run.completed',
    timestamp: '2026-11-30T12:00:00.000Z',
    data: {
      runId: 'r',
      state: 'completed',
      outcome: summary.outcome,
      items: 5,
      ok: 4,
      failed: 1,
      skipped: 0,
      cancelled: 0,
      tokens: 12,
      results: 'runs/r/results.jsonl',
    },
  });
});

it('a run that failed before it began has counts of none and its reason', () => {
  const { type, data } = endEvent({ runId: 'r', state: 'failed', reason: 'line 1: no JSON' }, AT);
  expect([type, data]).toEqual(['run.failed', expect.objectContaining({ items: 0, ok: 0, reason: 'line 1: no JSON' })]);
  expect(data).not.toHaveProperty('outcome');
});

it('a pause has what paused it and why', () => {
  const progress = {
    ...NO_PROGRESS,
    startedAt: 0,
    state: 'paused',
    pausedBy: 'credits',
    reason: '402',
    items: 9,
    ok: 3,
  } as const;
  const { type, data } = pausedEvent('r', progress, AT);
  expect([type, data]).toEqual([
    'run.paused',
    {
      runId: 'r',
      state: 'paused',
      pausedBy: 'credits',
      reason: '402',
      items: 9,
      ok: 3,
      failed: 0,
      skipped: 0,
      cancelled: 0,
      tokens: 0,
    },
  ]);
});

it.each([
  ['an end', endEvent({ runId: 'r', state: 'cancelled', summary: summaryOf('r', 2) }, AT)],
  ['a pause', pausedEvent('r', { ...NO_PROGRESS, startedAt: 0, reason: 'why' }, AT)],
])('%s is the same on its way through JSON, and parsed', (_what, event) => {
  expect(runEventSchema.parse(JSON.parse(JSON.stringify(event)))).toEqual(event);
});

it.each([{ type: 'invoice.paid' }, { data: { anything: true } }, { more: 1 }])('%j is no event', (change) => {
  const event = endEvent({ runId: 'r', state: 'failed' }, AT);
  expect(runEventSchema.safeParse({ ...event, ...change }).success).toBe(false);
});
