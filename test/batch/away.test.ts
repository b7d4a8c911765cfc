import { describe, expect, it } from 'vitest';
import { awayDeadline, needsOf, whileNeeded, withFacts } from '../../src/batch/away.js';
import type { BatchState } from '../../src/batch/batch-state.js';
import { applyChange } from '../../src/batch/change.js';
import { pausedByOperator, pauseRun, resumeRun } from '../../src/batch/pausing.js';
import { progressOf } from '../../src/batch/run-view.js';
import { NOW, runOf } from './run-of-state.js';

const LIST = [{ id: 'a', nodes: 1, modality: 'text' }] as const;

/** A run whose endpoint has given nothing yet. */
function unlisted(options: Parameters<typeof runOf>[1] = {}): BatchState {
  return { ...runOf([3], options), targets: [] };
}

const away = (state: BatchState, now = NOW) => withFacts(state, { away: 'network: refused' }, now);

describe('an endpoint that gives no list at the start', () => {
  it('is waited for, visibly, and asked again at growing intervals', () => {
    let state = unlisted();
    const waits: number[] = [];
    for (let now = NOW; waits.length < 8; now += waits.at(-1) ?? 0) {
      state = away(state, now);
      waits.push((state.away?.until ?? 0) - now);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1000));
    expect(state.away?.since).toBe(NOW);
  });

  it('shows as a wait with its text, since and until', () => {
    const progress = progressOf(away(unlisted({ maxWaitSecs: 900 })), 'running', NOW);
    expect(progress).toMatchObject({
      state: 'waiting',
      reason: 'network: refused',
      waiting: { text: 'network: refused', since: NOW, until: NOW + 1000 },
    });
    const short = away(unlisted({ maxWaitSecs: 0.5 }));
    expect(progressOf(short, 'running', NOW).waiting?.until, 'no longer than it is waited for').toBe(NOW + 500);
  });

  it('is no longer waited for when it gives a list', () => {
    const state = withFacts(away(unlisted()), { models: LIST }, NOW + 1);
    expect(state.away).toBeUndefined();
    expect(state.targets.map(({ id }) => id)).toEqual(['a']);
  });

  it('is waited for while its list is empty, which is said', () => {
    expect(withFacts(unlisted(), { models: [] }, NOW).away?.text).toBe('the endpoint lists no models');
  });

  it('is no longer waited for when a model is chosen meanwhile', () => {
    const state = whileNeeded(applyChange(away(unlisted()), { model: 'mine' }, []));
    expect(state.away).toBeUndefined();
    expect(state.targets).toMatchObject([{ id: 'mine', chosen: true }]);
  });

  it('is given up after maxWaitSecs, in which a pause does not count', () => {
    const waiting = away(unlisted({ maxWaitSecs: 60 }));
    const deadline = (state: BatchState) => state.away && awayDeadline(state, state.away);
    expect(deadline(waiting)).toBe(NOW + 60_000);
    const paused = pauseRun(waiting, pausedByOperator('r'));
    expect(progressOf(paused, 'running', NOW).state).toBe('paused');
    expect(deadline(resumeRun(paused, NOW + 500_000))).toBe(NOW + 560_000);
  });
});

describe('a balance that a limit in credits needs', () => {
  it('is waited for as a list is, unless the limit is taken away', () => {
    const state = withFacts(runOf([3], { maxCredits: 5 }), { away: 'network: refused' }, NOW);
    expect(needsOf(state)).toEqual({ models: false, balance: true });
    expect(withFacts(state, { balance: 7 }, NOW)).toMatchObject({ credits: { balance: 7 } });
    expect(withFacts(state, { balance: 7 }, NOW).away).toBeUndefined();
    expect(whileNeeded(applyChange(state, { maxCredits: null }, [])).away).toBeUndefined();
  });

  it('is kept where the list is still missing', () => {
    const state = withFacts(unlisted({ maxCredits: 5 }), { balance: 7, away: 'later' }, NOW);
    expect(needsOf(state)).toEqual({ models: true, balance: false });
    expect(state.away?.text).toBe('later');
  });
});
