/** Maximum number of items in a pack: their numbers travel in its input and result. */
const PACK_CAP = 10_000;

/** Permits of a pack, if the run has enough: one activity carries ten requests, and its start and end are soon made up for. */
const WIDTH = 10;

/** Targets that have a pack at the same time, if the run has so many permits and targets. */
const TARGETS_AT_ONCE = 4;

/** Maximum number of packs that hold all permits of a run: a small machine cannot start more at once. */
const MAX_PACKS = 50;

/** Maximum number of packs of a chunk at a time: each is a pending activity of its workflow. */
export const MAX_PENDING = 500;

/** What the shape of a pack depends on. */
export interface PackSituation {
  readonly concurrency: number;
  /** Items of the chunk that could be in a pack, 1 or more. */
  readonly ready: number;
  /** Permits among which they are divided, the free ones or more. */
  readonly among: number;
  /** Permits that are free, 1 or more. */
  readonly free: number;
  /** Targets that may be asked now, 1 or more: each gets a pack at a time. */
  readonly targets: number;
  /** The user's `--pack`. */
  readonly fixed?: number | undefined;
}

/** Permits and maximum number of items of a pack. */
export interface PackShape {
  readonly permits: number;
  readonly items: number;
}

/**
 * Returns the shape of the next pack: up to {@link WIDTH} of the free permits, and their part of what could be asked now. So
 * all that there is to do is handed out at once, and permits that one pack needs no more are used by the others on its
 * worker. A pack whose time is over hands back what it has not asked.
 */
export function packShape(situation: PackSituation): PackShape {
  const { concurrency, ready, among, free, targets, fixed } = situation;
  const permits = Math.min(packWidth(concurrency, targets), free);
  // Two at a time: the permits of one that waits for its last answer are of use to the other.
  if (fixed !== undefined) return { permits: Math.min(permits, fixed, Math.ceil(concurrency / 2)), items: fixed };
  const items = Math.ceil((ready * permits) / Math.max(among, permits));
  return { permits, items: Math.min(Math.max(1, items), PACK_CAP) };
}

/** Returns the permits of a pack in a run with enough of them. */
export function packWidth(concurrency: number, targets: number): number {
  const each = Math.ceil(concurrency / Math.min(Math.max(1, targets), TARGETS_AT_ONCE));
  return Math.max(Math.min(WIDTH, each), Math.ceil(concurrency / MAX_PACKS));
}
