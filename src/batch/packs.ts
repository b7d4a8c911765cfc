/** Items a lane gets in a pack at most, however quick the answers are: what a lost worker or a change of mind can concern. */
export const PACK_CAP = 100;

/** Items in a pack of several lanes at most. */
export const WIDE_PACK_CAP = 1000;

/** How long a pack should take, ms: short, so that a change of mind is heard and progress is seen. */
const PACK_TIME_MS = 60_000;

/** Items a lane gets while no answer of the model has been seen: few, since a slow model may take a minute each. */
const FIRST_PACK = 4;

/** Lanes of a wide pack, unless they would make fewer packs than about `least` for all lanes of a run. */
const WIDTH = { lanes: 5, least: 10 };

/** The same while there is much left: each pack costs the server something, and a gap between two is soon made up for. */
const WIDTH_OF_MUCH = { lanes: 10, least: 5 };

/** Items for each lane that are much. */
const MUCH = 40;

/** Wide packs that hold all lanes of a run, at most: more than a small machine can start at once are no good. */
const MOST_PACKS = 50;

/**
 * Wide packs differ in length by these factors, in turn: packs that begin together and end together would leave all lanes
 * idle while the next are started. About 1 on the average.
 */
const LENGTHS = [0.4, 1.4, 0.7, 1.7, 0.55, 1.2, 1];
const MOST_LENGTH = 1.7;

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

/** What a chunk has when it cuts a pack. */
export interface PackPlace {
  /** Lanes without a pack, at least 1. */
  readonly free: number;
  /** Items without a pack, at least 1. */
  readonly open: number;
  /** Number of the pack in its chunk. */
  readonly number: number;
}

/** How a pack is cut. */
export interface PackShape {
  readonly items: number;
  /** Requests that it may have in flight: never more than items, or than there are lanes free. */
  readonly lanes: number;
  /** The run will have no further pack for its lanes: they are lent as long as another pack can use them. */
  readonly last: boolean;
}

/**
 * Items that a lane should get with the next pack, guided by what is left of the run: long packs while there is much to
 * do, single items at the end, so that a slow item never leaves the other lanes idle. At least 1.
 */
export function packSize(situation: PackSituation): number {
  const { left, concurrency, fixed } = situation;
  if (fixed !== undefined) return fixed;
  const part = left / concurrency;
  return bounded(Math.ceil(packWidth(situation) > 1 ? part : part / 2), situation);
}

/** The next pack's shape. */
export function packShape(situation: PackSituation, place: PackPlace): PackShape {
  const width = packWidth(situation);
  const { free, open, number } = place;
  if (width === 1) return { items: narrow(situation, free, open), lanes: 1, last: false };
  const { left, concurrency } = situation;
  const size = wideSize(situation, LENGTHS[number % LENGTHS.length] ?? 1);
  const items = Math.min(Math.max(Math.floor(Math.min(free, width) * size), 1), WIDE_PACK_CAP, open);
  // Where there are lanes for all, each item gets its own.
  const wanted = Math.max(width, Math.ceil((items * free) / open));
  return { items, lanes: Math.min(wanted, free, items), last: left - items <= concurrency };
}

/** Items of a pack on one lane: no more than leave some for each lane that is free with it. */
function narrow(situation: PackSituation, free: number, open: number): number {
  return situation.fixed ?? Math.min(packSize(situation), Math.ceil(open / free));
}

/** Items for each lane of a wide pack of a length. */
function wideSize({ left, concurrency, latencyMs }: PackSituation, length: number): number {
  // Twice its part: no item of it waits for one lane, and what other packs do not need of their lanes is lent to it.
  const part = ((2 * left) / concurrency) * length;
  if (latencyMs === undefined) return Math.min(Math.max(part, 1), FIRST_PACK * length);
  // None takes longer than a pack should.
  const byTime = (PACK_TIME_MS / Math.max(latencyMs, 1)) * (length / MOST_LENGTH);
  return Math.max(1, Math.min(part, byTime, PACK_CAP));
}

/** The lanes that a pack holds where there are enough; without `left`, at least. */
export function packWidth({
  left = 0,
  concurrency,
  fixed,
  wide = false,
}: Omit<PackSituation, 'left'> & { readonly left?: number }): number {
  if (!wide || fixed !== undefined) return 1;
  // A run of few lanes has none that are wide: the one-lane packs of its end would lend nothing to a long wide one.
  const { lanes, least } = left >= MUCH * concurrency && concurrency > WIDTH.least ? WIDTH_OF_MUCH : WIDTH;
  return Math.max(Math.min(lanes, Math.ceil(concurrency / least)), Math.ceil(concurrency / MOST_PACKS));
}

/** A number of items for one lane, at least 1 and no more than it does within a pack's time. */
function bounded(size: number, { latencyMs }: PackSituation): number {
  const byTime = latencyMs === undefined ? FIRST_PACK : Math.floor(PACK_TIME_MS / Math.max(latencyMs, 1));
  return Math.max(1, Math.min(size, byTime, PACK_CAP));
}
