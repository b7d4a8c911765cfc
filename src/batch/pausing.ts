import { type BatchState, totalCounts } from './batch-state.js';
import { exhaustedReason, isExhausted } from './budget.js';
import type { RunStop } from './chunk-state.js';
import { decodeItems } from './item-ranges.js';
import type { PausedBy } from './progress.js';
import { shellWord } from './shell-word.js';

/** Why a run pauses, and the way out, in words. */
export interface PauseCause {
  readonly pausedBy: PausedBy;
  readonly pausedFor: string;
}

/** The state in which no more work is given out. */
export function pauseRun(state: BatchState, { pausedBy, pausedFor }: PauseCause): BatchState {
  return { ...state, paused: true, pausedBy, pausedFor };
}

/** The state in which the run goes on; `now` is epoch ms. A canary that waited to be looked at is passed. */
export function resumeRun(state: BatchState, now: number): BatchState {
  const { pausedFor: _why, pausedBy: _who, pausedAt: _when, ...rest } = state;
  const resumed = { ...rest, paused: false, resumedAt: now };
  const { canary } = rest;
  return canary?.phase === 'review' ? { ...resumed, canary: { ...canary, phase: 'passed' } } : resumed;
}

/** Returns true if the last item of a canary has ended: nothing of it is open or in a pack. */
export function isCanaryDone({ canary, running, yielded }: BatchState): boolean {
  if (canary?.phase !== 'asking' || canary.pending.length > 0 || yielded.length > 0) return false;
  return Object.values(running).every(({ report }) => report.open === 0 && report.inFlight === 0);
}

/** Pauses a run whose canary has ended, for a person to look at it. */
export function reviewCanary(state: BatchState): BatchState {
  const { canary } = state;
  if (canary === undefined) return state;
  const count = decodeItems(canary.items).length;
  const pausedFor = `the canary has ended: ${count} items were asked; look at them, then resume`;
  return { ...pauseRun(state, { pausedBy: 'canary', pausedFor }), canary: { ...canary, phase: 'review' } };
}

/** The first items of the run all failed alike, and nothing has been answered. */
export function allRefused(run: string, { message }: RunStop): PauseCause {
  const pausedFor = `the first items were all refused, and none was answered: ${message}; to try again: dria-temporal resume ${shellWord(run)}`;
  return { pausedBy: 'refused', pausedFor };
}

/** Somebody paused it. */
export function pausedByOperator(run: string): PauseCause {
  return { pausedBy: 'operator', pausedFor: `paused by an operator; to go on: dria-temporal resume ${shellWord(run)}` };
}

/** Returns true for a reason to stop that says nothing of now: the run was resumed since, or has been answered. */
export function isOutdated(state: BatchState, { type, askedAt }: RunStop): boolean {
  const { resumedAt = 0 } = state;
  return askedAt < resumedAt || (type === 'AllRefused' && totalCounts(state).ok > 0);
}

/** The endpoint says that the account has no credits left. */
export function outOfCredits(run: string, { message }: RunStop): PauseCause {
  return { pausedBy: 'credits', pausedFor: `${message}; add credits, then: dria-temporal resume ${shellWord(run)}` };
}

/** What pauses a run within its limits: nothing while there is something left to spend. */
export function outOfBudget(run: string, state: BatchState): PauseCause | undefined {
  return isExhausted(state) ? { pausedBy: 'budget', pausedFor: exhaustedReason(run, state) } : undefined;
}

/** The balance cannot be read: within what was allowed the run goes on without knowing it; then it waits. */
export function noBalance(run: string, state: BatchState): PauseCause | undefined {
  if (!isExhausted(state)) return undefined;
  return {
    pausedBy: 'budget',
    pausedFor: `the balance cannot be read; to try again: dria-temporal resume ${shellWord(run)}`,
  };
}
