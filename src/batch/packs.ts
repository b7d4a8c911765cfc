/** Items a lane gets in a pack at most, however quick the answers are: what a lost worker or a change of mind can concern. */
export const PACK_CAP = 100;

/** Items in a pack of several lanes at most. */
export const WIDE_PACK_CAP = 500;

/** How long a pack should take, ms: short, so that a change of mind is heard and progress is seen. */
const PACK_TIME_MS = 60_000;

/** Items a lane gets while no answer of the model has been seen: few, since a slow model may take a minute each. */
const FIRST_PACK = 4;

/** Packs that hold all lanes of a run where they may be wide: as many activities as a small machine can drive. */
const WIDE_PACKS = 100;

/** What the size of the next pack depends on. */
export interface PackSituation {
  /** Items of the run that are in no pack yet. */
  readonly left: number;
  readonly concurrency: number;
  /** Mean time of one answer, ms; undefined while none was seen. */
  readonly latencyMs?: number | undefined;
  /** The user's `--pack`; undefined for automatic sizes. */
  readonly fixed?: number | undefined;
  /** Packs may hold several lanes. */
  readonly wide?: boolean | undefined;
}

/** How a pack is cut. */
export interface PackShape {
  readonly items: number;
  /** Requests that it may have in flight. */
  readonly lanes: number;
}

/** The lanes that a pack holds when there are enough. */
export function packLanes({ concurrency, fixed, wide = false }: PackSituation): number {
  return wide && fixed === undefined ? Math.ceil(concurrency / WIDE_PACKS) : 1;
}

/**
 * Items that a lane should get with the next pack, guided by what is left of the run: long packs while there is much to
 * do, single items at the end, so that a slow item never leaves the other lanes idle. At least 1.
 */
export function packSize(situation: PackSituation): number {
  const { left, concurrency, latencyMs, fixed } = situation;
  if (fixed !== undefined) return fixed;
  // Lanes of one pack share its items, and lend each other what they do not need: no item waits for one lane.
  const rounds = packLanes(situation) > 1 ? 1 : 2;
  const guided = Math.ceil(left / (rounds * concurrency));
  const byTime = latencyMs === undefined ? FIRST_PACK : Math.floor(PACK_TIME_MS / Math.max(latencyMs, 1));
  return Math.max(1, Math.min(guided, byTime, PACK_CAP));
}

/** The next pack's shape for a chunk with so many lanes free, at least 1. */
export function packShape(situation: PackSituation, free: number): PackShape {
  const lanes = Math.min(free, packLanes(situation));
  const size = packSize(situation);
  return lanes === 1 ? { items: size, lanes } : { items: Math.min(lanes * size, WIDE_PACK_CAP), lanes };
}
