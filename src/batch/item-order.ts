import type { ChunkState } from './chunk-state.js';
import { decodeItems, encodeItems, type ItemRanges } from './item-ranges.js';

/** Returns a chunk's state with its open items in an order in which they are to be asked. */
export function inOrder(state: ChunkState, order: ItemRanges | undefined): ChunkState {
  if (order === undefined) return state;
  const ranks = new Map(decodeItems(order).map((item, rank) => [item, rank]));
  return sortedBy(state, (item) => ranks.get(item) ?? 0);
}

/** Returns a chunk's state with its open items in the order of the input: ranges of those are shorter. */
export function inInputOrder(state: ChunkState): ChunkState {
  return sortedBy(state, (item) => item);
}

function sortedBy(state: ChunkState, rank: (item: number) => number): ChunkState {
  const sorted = (items: ItemRanges): ItemRanges => encodeItems(decodeItems(items).sort((a, b) => rank(a) - rank(b)));
  const open = state.open.map((group) => ({ ...group, items: sorted(group.items) }));
  return { ...state, open, held: sorted(state.held) };
}
