import type { Progress, RunState } from './progress.js';

/** How the server says that an execution has ended. */
export type ServersEnd = 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TERMINATED' | 'TIMED_OUT';

const STATES: Readonly<Record<ServersEnd, RunState>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'cancelled',
  TIMED_OUT: 'failed',
};

const REASONS: { readonly [End in ServersEnd]?: string } = {
  TERMINATED: 'it was terminated',
  TIMED_OUT: 'its time-out was over',
};

/** Returns true for the server's name of a status in which an execution has ended. */
export function isServersEnd(status: string): status is ServersEnd {
  return status in STATES;
}

/** Returns the state of an execution that the server says has ended so. */
export function stateOfEnd(end: ServersEnd): RunState {
  return STATES[end];
}

/**
 * Returns progress as it is if the server says that the execution has ended: a run that was ended from outside could not
 * note it, and its workflow still gives the state of before.
 */
export function withEnd(progress: Progress, end: ServersEnd | undefined): Progress {
  if (end === undefined || progress.state === STATES[end]) return progress;
  const { waiting: _over, pausedBy: _gone, reason: _before, ...rest } = progress;
  const reason = REASONS[end];
  const permits = { ...progress.permits, used: 0 };
  return { ...rest, permits, state: STATES[end], ...(reason === undefined ? {} : { reason }) };
}
