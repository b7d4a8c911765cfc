import { type BatchState, itemsLeft, type RunningChunk, updateChunk } from './batch-state.js';
import { PACKS_OF_A_CHUNK } from './history-room.js';
import { grantLanes, type LaneGrants } from './lanes.js';
import { packSize, packWidth } from './packs.js';
import type { ChunkOrders } from './reports.js';

/** Chunks that are looked at when lanes are free: more are never started in one go. */
const START_AHEAD = 50;

/** The items that a lane should get with a pack, by what is left of the run now. */
export function currentPackSize(state: BatchState): number {
  const times = Object.values(state.latency);
  const latencyMs = times.length === 0 ? undefined : times.reduce((sum, time) => sum + time, 0) / times.length;
  const { concurrency, pack, widePacks } = state.options;
  return packSize({ left: itemsLeft(state), concurrency, latencyMs, fixed: pack, wide: widePacks });
}

/** What to do with the free lanes now. `next` are the chunks that could start, by the items that each has to ask. */
export function planLanes(state: BatchState, next: readonly number[]): LaneGrants {
  if (state.paused) return { grants: [], starts: [] };
  const soon = next.slice(0, START_AHEAD);
  const running = Object.entries(state.running);
  const size = sizeForLanes(state, running.length + soon.length);
  const { concurrency, pack: fixed, widePacks: wide } = state.options;
  const most = PACKS_OF_A_CHUNK * packWidth({ concurrency, fixed, wide });
  return grantLanes({
    concurrency,
    started: running.map(([chunk, known]) => {
      const held = heldLanes(known);
      const wanted = Math.min(known.inFlight + Math.ceil(known.open / size), most);
      // One that may spend nothing more has no use for a lane.
      return { chunk: Number(chunk), held, waiting: known.isShort ? 0 : Math.max(0, wanted - held) };
    }),
    unstarted: soon.map((items) => Math.max(1, Math.min(Math.ceil(items / size), most))),
  });
}

/** Items that a lane should get, but no more than let so many chunks use all lanes: not any number can be started. */
function sizeForLanes(state: BatchState, chunks: number): number {
  const { items, chunks: all } = state.manifest;
  const most = Math.floor((items * chunks) / (Math.max(all, 1) * state.options.concurrency));
  return Math.max(1, Math.min(currentPackSize(state), most));
}

function heldLanes({ granted, returned }: RunningChunk): number {
  return granted - returned;
}

/** The state after more lanes for a running chunk. */
export function grantTo(state: BatchState, chunk: number, lanes: number): BatchState {
  return updateChunk(state, chunk, (running) => ({ ...running, granted: running.granted + lanes }));
}

/**
 * Asks lanes back while there are more than the run may have: of the newest chunks first, so that the oldest end.
 * Returns the chunks that must be told.
 */
export function recallLanes(state: BatchState): { readonly state: BatchState; readonly chunks: readonly number[] } {
  const lanesOf = ({ granted, recalled, returned }: RunningChunk): number => granted - Math.max(recalled, returned);
  let over = Object.values(state.running).reduce((sum, running) => sum + lanesOf(running), -state.options.concurrency);
  const chunks: number[] = [];
  let next = state;
  const newestFirst = Object.keys(state.running).map(Number);
  for (const chunk of newestFirst.sort((a, b) => b - a)) {
    if (over <= 0) break;
    next = updateChunk(next, chunk, (running) => {
      const lanes = Math.min(over, lanesOf(running));
      over -= lanes;
      return { ...running, recalled: Math.max(running.recalled, running.returned) + lanes };
    });
    chunks.push(chunk);
  }
  return { state: next, chunks };
}

/** Chunks that cut much larger packs than they should, since the run has less left than they know. */
export function outdatedChunks(state: BatchState): number[] {
  const size = currentPackSize(state);
  return Object.entries(state.running)
    .filter(([, { toldSize, open }]) => open > 0 && size * 1.5 < toldSize)
    .map(([chunk]) => Number(chunk));
}

/** What to tell a running chunk now, and the state in which it has been told; undefined when it has ended. */
export function ordersFor(
  state: BatchState,
  chunk: number,
): { readonly orders: Required<Omit<ChunkOrders, 'allowance'>> & ChunkOrders; readonly state: BatchState } | undefined {
  const running = state.running[chunk];
  if (running === undefined) return undefined;
  const { options, models, revision, paused } = state;
  const { granted, recalled, allowance, open } = running;
  const leftElsewhere = Math.max(0, itemsLeft(state) - open);
  const told = updateChunk(state, chunk, (known) => ({ ...known, toldSize: currentPackSize(state) }));
  const orders = {
    granted,
    recalled,
    leftElsewhere,
    paused,
    revision,
    options,
    models,
    ...(allowance === undefined ? {} : { allowance }),
  };
  return { orders, state: told };
}
