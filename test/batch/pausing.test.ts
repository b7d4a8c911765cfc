import { describe, expect, it } from 'vitest';
import { applyReport } from '../../src/batch/batch-state.js';
import {
  allRefused,
  isOutdated,
  noBalance,
  outOfBudget,
  outOfCredits,
  pausedByOperator,
  pauseRun,
  resumeRun,
} from '../../src/batch/pausing.js';
import { progressOf } from '../../src/batch/run-view.js';
import { NOW, report, runOf, started } from './run-of-state.js';

const refusal = (askedAt: number) => ({ type: 'PaymentRequired', message: '402: no credits', askedAt }) as const;

describe('a pause', () => {
  it('says who paused the run and the way out, and leaves no trace when it is over', () => {
    const paused = pauseRun(runOf([10]), pausedByOperator('r'));
    expect(progressOf(paused, 'running', NOW)).toMatchObject({
      state: 'paused',
      pausedBy: 'operator',
      reason: 'paused by an operator; to go on: dria-temporal resume r',
    });
    const resumed = resumeRun(paused, NOW + 5);
    expect(resumed).toEqual({ ...runOf([10]), resumedAt: NOW + 5 });
    expect(progressOf(resumed, 'running', NOW).reason).toBeUndefined();
  });

  it('for want of credits names the refusal, unless it is from before the run went on', () => {
    expect(outOfCredits('r', refusal(NOW))).toEqual({
      pausedBy: 'credits',
      pausedFor: '402: no credits; add credits, then: dria-temporal resume r',
    });
    const resumed = resumeRun(runOf([10]), NOW);
    expect([NOW - 1, NOW].map((askedAt) => isOutdated(resumed, refusal(askedAt)))).toEqual([true, false]);
    expect(isOutdated(runOf([10]), refusal(0))).toBe(false);
  });

  it('since the first items were all refused has the words of the refusal and how to try again', () => {
    expect(allRefused('r', { type: 'AllRefused', message: '400: no such parameter', askedAt: NOW })).toEqual({
      pausedBy: 'refused',
      pausedFor:
        'the first items were all refused, and none was answered: 400: no such parameter; ' +
        'to try again: dria-temporal resume r',
    });
  });

  it('for its limits comes when all is spent and nothing is under way, not before', () => {
    const state = started(runOf([10], { maxTotalTokens: 300 }), 10);
    expect([outOfBudget('r', state), noBalance('r', state)]).toEqual([undefined, undefined]);
    const allowance = state.running[0]?.allowance ?? 0;
    const counts = { ...report(0).counts, ok: 1, tokens: 300 };
    const spent = applyReport(state, report(0, { counts, open: 5, shortOf: allowance }));
    expect(outOfBudget('r', spent)).toMatchObject({
      pausedBy: 'budget',
      pausedFor: expect.stringContaining('300 of 300 tokens are spent'),
    });
    expect(noBalance('r', spent)?.pausedFor).toBe('the balance cannot be read; to try again: dria-temporal resume r');
  });
});
