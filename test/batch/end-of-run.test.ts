import { expect, it } from 'vitest';
import { isServersEnd, withEnd } from '../../src/batch/end-of-run.js';
import type { Progress } from '../../src/batch/progress.js';
import { NO_PROGRESS } from '../../src/batch/run-view.js';

const WAITING: Progress = {
  ...NO_PROGRESS,
  state: 'waiting',
  reason: 'away',
  waiting: { text: 'away', since: 1 },
  ok: 3,
  permits: { total: 4, used: 2 },
  startedAt: 1,
};

it.each([
  ['TERMINATED', 'cancelled', 'it was terminated'],
  ['TIMED_OUT', 'failed', 'its time-out was over'],
  ['FAILED', 'failed', undefined],
  ['CANCELLED', 'cancelled', undefined],
  ['COMPLETED', 'completed', undefined],
] as const)('a run that the server says is %s is %s, whatever its workflow gives', (end, state, reason) => {
  const { waiting: _none, reason: _before, ...rest } = WAITING;
  const why = reason === undefined ? {} : { reason };
  expect(withEnd(WAITING, end)).toEqual({ ...rest, permits: { total: 4, used: 0 }, state, ...why });
});

it('a run that is under way, or has noted its end itself, is as its workflow gives it', () => {
  expect(withEnd(WAITING, undefined)).toBe(WAITING);
  const failed: Progress = { ...WAITING, state: 'failed', reason: 'its own words' };
  expect(withEnd(failed, 'FAILED')).toBe(failed);
});

it('a run that goes on has not ended', () => {
  expect(isServersEnd('RUNNING')).toBe(false);
  expect(isServersEnd('TERMINATED')).toBe(true);
});
