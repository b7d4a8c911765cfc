import type { BatchState, PausedBy } from './batch-state.js';
import { exhaustedReason, isExhausted } from './budget.js';
import { passCanary } from './canary.js';
import type { RunStop } from './chunk-state.js';

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
  const { pausedFor: _why, pausedBy: _who, ...rest } = state;
  return passCanary({ ...rest, paused: false, resumedAt: now });
}

/** Somebody paused it. */
export function pausedByOperator(run: string): PauseCause {
  return { pausedBy: 'operator', pausedFor: `paused by an operator; to go on: dria-temporal resume ${run}` };
}

/** True when a chunk was refused something that it asked before the run was resumed: that says nothing of now. */
export function isOutdated({ resumedAt = 0 }: BatchState, { askedAt }: RunStop): boolean {
  return askedAt < resumedAt;
}

/** The endpoint says that the account has no credits left. */
export function outOfCredits(run: string, { message }: RunStop): PauseCause {
  return { pausedBy: 'credits', pausedFor: `${message}; add credits, then: dria-temporal resume ${run}` };
}

/** What pauses a run within its limits: nothing while there is something left to spend. */
export function outOfBudget(run: string, state: BatchState): PauseCause | undefined {
  return isExhausted(state) ? { pausedBy: 'budget', pausedFor: exhaustedReason(run, state) } : undefined;
}

/** The balance cannot be read: within what was allowed the run goes on without knowing it; then it waits. */
export function noBalance(run: string, state: BatchState): PauseCause | undefined {
  if (!isExhausted(state)) return undefined;
  return { pausedBy: 'budget', pausedFor: `the balance cannot be read; to try again: dria-temporal resume ${run}` };
}
