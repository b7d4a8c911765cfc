import type { ChunkOrders, ChunkReport } from './chunk-messages.js';
import { type ChunkState, tokensLeft } from './chunk-state.js';
import { countOpen } from './open-items.js';

/** Reports that are sent for progress alone over a chunk's life: each is a billed action of its parent's server. */
const PROGRESS_REPORTS = 5;

/** Returns a chunk's report. */
export function reportOf(
  chunk: number,
  state: ChunkState,
  { revision, allowance, paused }: ChunkOrders,
  { inFlight, ready }: { readonly inFlight: number; readonly ready: number },
): ChunkReport {
  const { returned, counts, targets, wait, stop, lastFailures, notes } = state;
  const open = countOpen(state.open);
  const isShort = allowance !== undefined && !paused && open > 0 && tokensLeft(state, allowance) === 0;
  return {
    chunk,
    revision,
    returned,
    inFlight,
    open,
    ready,
    counts,
    targets,
    ...(wait === undefined ? {} : { wait }),
    ...(stop === undefined ? {} : { stop }),
    ...(isShort ? { shortOf: allowance } : {}),
    lastFailures,
    notes,
  };
}

/** Returns a text that differs from that of another report if the parent must act on what has changed between the two. */
export function urgencyOf(
  { returned, wait, stop, shortOf, inFlight, open, ready, counts, targets, notes }: ChunkReport,
  { isPaused, items }: { readonly isPaused: boolean; readonly items: number },
): string {
  const step = Math.max(1, Math.ceil(items / PROGRESS_REPORTS));
  const isQuiet = inFlight === 0 && (isPaused || open === 0 || shortOf !== undefined);
  const done = counts.ok + counts.failed;
  const health = targets.map(({ downUntil, strikes, refused }) => [downUntil > 0, strikes > 0, refused.length]);
  // What the last packs before a pause have done would come with no later report.
  const progress = isQuiet ? done : Math.floor(done / step);
  return JSON.stringify([
    returned,
    wait?.since,
    wait?.until,
    stop,
    shortOf,
    isQuiet,
    ready > 0,
    health,
    notes.length,
    progress,
  ]);
}
