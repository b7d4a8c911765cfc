import { ANY_TRIES, coolEndpoint, coolTarget, type Targets } from '../../src/batch/targets.js';

/** Marks a target as down; with a time that somebody named, it is waited for as long as the run may. */
export function cool(targets: Targets, id: string, now: number, why: string, waitMs?: number): Targets {
  return coolTarget(targets, id, { now, why, waitMs, minTries: waitMs === undefined ? 0 : ANY_TRIES });
}

/** Marks all targets of one endpoint as down. */
export function coolEvery(targets: Targets, now: number, why: string, waitMs: number): Targets {
  return coolEndpoint(targets, targets[0]?.id ?? '', { now, why, waitMs, minTries: ANY_TRIES });
}
