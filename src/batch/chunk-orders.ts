import { type ChunkState, unstrand } from './chunk-state.js';
import type { ModelTable } from './model-table.js';
import type { ChunkOrders } from './reports.js';
import { dealAnew } from './work-queue.js';

/** The state after what the parent has said. Lanes are totals, so that a message twice or late does no harm. */
export function hearOrders(known: ChunkState, orders: ChunkOrders): ChunkState {
  const { granted, recalled, leftElsewhere, paused, allowance } = orders;
  const { stop, allowance: _before, ...state } = known;
  return {
    ...state,
    // What stopped the run stays known until it goes on.
    ...(paused && stop !== undefined ? { stop } : {}),
    ...(allowance === undefined ? {} : { allowance }),
    granted: Math.max(state.granted, granted),
    recalled: Math.max(state.recalled, recalled),
    leftElsewhere,
    paused,
  };
}

/** The state in which other models are asked: what is open is dealt anew, and what had no model may have one now. */
export function takeModels(state: ChunkState, models: ModelTable, now: number): ChunkState {
  return unstrand({ ...state, queues: dealAnew(state.queues, models, now), models, rounds: 0 }, now);
}

/** Lanes that a chunk may use: those that the parent wants back are no longer, though they have not all ended. */
export function usableLanes({ granted, returned, recalled }: ChunkState): number {
  return granted - Math.max(returned, recalled);
}
