/** Items in a pack at most, however quick the answers are: what a lost worker or a change of mind can concern. */
export const PACK_CAP = 100;

/** How long a pack should take, ms: short, so that a change of mind is heard and progress is seen. */
const PACK_TIME_MS = 60_000;

/** Items in a pack while no answer of the model has been seen: small, since a slow model may take a minute each. */
const FIRST_PACK = 4;

/** What the size of the next pack depends on. */
export interface PackSituation {
  /** Items of the run that are in no pack yet. */
  readonly left: number;
  readonly concurrency: number;
  /** Mean time of one answer, ms; undefined while none was seen. */
  readonly latencyMs?: number | undefined;
  /** The user's `--pack`; undefined for automatic sizes. */
  readonly fixed?: number | undefined;
}

/**
 * Items the next pack should have, guided by what is left of the run: long packs while there is much to do, single
 * items at the end, so that a slow item never leaves the other lanes idle. At least 1.
 */
export function packSize({ left, concurrency, latencyMs, fixed }: PackSituation): number {
  if (fixed !== undefined) return fixed;
  const guided = Math.ceil(left / (2 * concurrency));
  const byTime = latencyMs === undefined ? FIRST_PACK : Math.floor(PACK_TIME_MS / Math.max(latencyMs, 1));
  return Math.max(1, Math.min(guided, byTime, PACK_CAP));
}
