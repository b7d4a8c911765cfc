import type { WorkflowOptions } from './options.js';

/** What a run that goes on anew, since what it had stored was damaged, takes along. */
export interface Restart {
  /** Number of times that it had to. */
  readonly times: number;
  readonly notes: readonly string[];
  /** The run's options as they were set last: those of its input are a part of what it asks, and stay. */
  readonly options: WorkflowOptions;
}

/** Maximum number of times that a run goes on anew: a disk that keeps nothing must not be paid for again and again. */
const MOST_RESTARTS = 3;

/** Returns the next restart of a run that has met `damage`; undefined if there were too many. */
export function nextRestart(
  before: Restart | undefined,
  { damage, notes, options }: Omit<Restart, 'times'> & { readonly damage: string },
): Restart | undefined {
  const times = (before?.times ?? 0) + 1;
  if (times > MOST_RESTARTS) return undefined;
  const note = `what was stored was damaged or is gone, and what was lost is asked again: ${damage}`;
  return { times, notes: [...notes, note], options };
}
