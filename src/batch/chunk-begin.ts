import { type ChunkState, startChunk, takeRecovered } from './chunk-state.js';
import { decodeItems } from './item-ranges.js';
import { decodeLayout } from './layout.js';
import type { ChunkInput } from './reports.js';
import type { RecoveredChunk } from './work.js';

/** A chunk that begins. Its invalid lines are counted when it does them all, not in a canary. */
export function beginChunk(input: ChunkInput): ChunkState {
  const state = startChunk({ ...input, answered: unwanted(input) });
  return input.only === undefined ? state : { ...state, counts: { ...state.counts, skipped: 0 } };
}

/** A chunk that has found what an earlier execution has left. What the parent has said meanwhile stays. */
export function beginRecovered(input: ChunkInput, state: ChunkState, recovered: RecoveredChunk): ChunkState {
  const answered = new Set([...unwanted(input), ...decodeItems(recovered.items)]);
  const { granted, recalled, leftElsewhere, paused, models, allowance } = state;
  const begun = { ...startChunk({ ...input, models, answered }), granted, recalled, leftElsewhere, paused };
  return takeRecovered(allowance === undefined ? begun : { ...begun, allowance }, recovered);
}

/** Items of the chunk that it is not to ask, though nobody has answered them. */
function unwanted({ chunk, only }: ChunkInput): ReadonlySet<number> {
  if (only === undefined) return new Set();
  const wanted = new Set(decodeItems(only));
  const items = decodeLayout(chunk.layout).map((_code, position) => chunk.first + position);
  return new Set(items.filter((item) => !wanted.has(item)));
}
