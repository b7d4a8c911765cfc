import { type BatchState, type RunningChunk, totalCounts, updateChunk } from './batch-state.js';
import type { ChunkOrders } from './chunk-messages.js';
import { tokensPerItem } from './counts.js';

/** Maximum number of chunks that are started in one go: each is a child workflow. */
const START_AHEAD = 50;

/** What the parent does with its free permits. */
export interface PermitGrants {
  /** More permits for running chunks. */
  readonly grants: readonly { readonly chunk: number; readonly permits: number }[];
  /** Permits for the next chunks to start, one entry a chunk, in the order in which they start. */
  readonly starts: readonly number[];
}

/** Returns the permits that a chunk holds: granted and not returned. */
export function heldPermits({ granted, report }: RunningChunk): number {
  return granted - report.returned;
}

/**
 * Divides the free permits: first to running chunks that could use more, then to the next chunks, whose numbers of items
 * are `next`. Grants none while more are held than the run has, after its concurrency was lowered.
 *
 * A chunk starts with half of the run's permits if there is another: its packs all end together, and the permits that wait
 * for their last answers are then of use to the other chunk's packs on the same worker.
 */
export function planPermits(state: BatchState, next: readonly number[]): PermitGrants {
  if (state.paused) return { grants: [], starts: [] };
  const running = Object.entries(state.running);
  let free = Math.max(0, state.options.concurrency - running.reduce((sum, [, chunk]) => sum + heldPermits(chunk), 0));
  const take = (wanted: number): number => {
    const permits = Math.min(free, Math.max(0, wanted));
    free -= permits;
    return permits;
  };
  const grants = running
    .map(([chunk, known]) => ({ chunk: Number(chunk), permits: take(wantedPermits(known) - heldPermits(known)) }))
    .filter(({ permits }) => permits > 0);
  const { concurrency } = state.options;
  const most = running.length + next.length > 1 ? Math.ceil(concurrency / 2) : concurrency;
  const starts: number[] = [];
  for (const items of next.slice(0, START_AHEAD)) {
    if (free === 0) break;
    starts.push(take(Math.min(Math.max(1, items), most)));
  }
  return { grants, starts: starts.map((permits, at) => permits + take((next[at] ?? 0) - permits)) };
}

/**
 * Returns the permits that a chunk could use now. One that may spend nothing more has no use for another; one that was
 * allowed more since it reported so could ask all its open items, and goes before a chunk that would have to start.
 */
function wantedPermits(chunk: RunningChunk): number {
  if (isShort(chunk)) return 0;
  const { shortOf, inFlight, ready, open } = chunk.report;
  return inFlight + (shortOf === undefined ? ready : open);
}

/** Returns true if a chunk has used up what it may spend now. */
export function isShort({ allowance, report }: RunningChunk): boolean {
  return report.shortOf !== undefined && report.shortOf === allowance;
}

/** Grants more permits to a running chunk. */
export function grantTo(state: BatchState, chunk: number, permits: number): BatchState {
  return updateChunk(state, chunk, (running) => ({ ...running, granted: running.granted + permits }));
}

/** Returns the orders for a running chunk as things stand; undefined if it has ended. */
export function ordersFor(state: BatchState, chunk: number): ChunkOrders | undefined {
  const running = state.running[chunk];
  if (running === undefined) return undefined;
  const { options, revision, targets, paused, isFull = false, canary } = state;
  const { granted, allowance } = running;
  const counts = totalCounts(state);
  return {
    granted,
    paused,
    yielding: isFull,
    isCanaryPassed: canary === undefined || canary.phase === 'passed',
    isAnswered: counts.ok > 0,
    revision,
    options,
    targets,
    tokensPerItem: itemTokens(state),
    ...(allowance === undefined ? {} : { allowance }),
  };
}

/** Tokens of an item while none has been answered; what bounds the spending is the allowance, not this guess. */
const FIRST_GUESS = 300;

/** Returns what an item costs, whole tokens: as seen so far, else a guess. Minimum 1. */
export function itemTokens(state: BatchState): number {
  return Math.ceil(tokensPerItem(totalCounts(state), Math.min(FIRST_GUESS, state.options.maxTokens)));
}
