import type { ChunkState, CutPack } from './chunk-state.js';
import { encodeItems } from './item-ranges.js';
import type { ChunkInput } from './reports.js';
import type { WorkflowOptions } from './run.js';
import type { InferInput, PartInput } from './work.js';

/** What the activity of a pack is given. */
export function inferInput(
  { run, chunk }: ChunkInput,
  { maxTokens, temperature, timeoutSecs, detail }: WorkflowOptions,
  { pack, lanes, last }: CutPack,
): InferInput {
  const { model, items, attempts, tried, takeOver, tokenBudget } = pack;
  return {
    run,
    chunk: chunk.chunk,
    model,
    items: encodeItems(items),
    maxTokens,
    temperature,
    timeoutSecs,
    detail,
    attempts,
    tried,
    takeOver,
    alone: items.length === 1,
    ...(tokenBudget === undefined ? {} : { tokenBudget }),
    ...(lanes === 1 ? {} : { lanes }),
    ...(last ? { last } : {}),
  };
}

/** What is merged into the part of a chunk. */
export function partInput(
  { run, chunk }: ChunkInput,
  { detail }: WorkflowOptions,
  { segments, failures, counts, reopened }: ChunkState,
): PartInput {
  return { run, chunk, segments, failures, counts, detail, ...(reopened ? { replace: true } : {}) };
}
