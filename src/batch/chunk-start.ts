import { currentPackSize } from './batch-lanes.js';
import { type BatchState, type ChunkBegin, itemsLeft, itemsToAsk, startNextChunk } from './batch-state.js';
import { firstAllowance, itemTokens } from './budget.js';
import { canaryItems, leaveCanary, startCanaryChunk } from './canary.js';
import type { ChunkManifest } from './manifest.js';
import type { ChunkInput } from './reports.js';

/** What all chunks of a run are started with. */
export type RunFacts = Pick<ChunkInput, 'run' | 'heartbeatTimeoutMs' | 'recover' | 'retryFailed'>;

/** A chunk that is to be started, and the state in which it has been. */
export interface ChunkStart {
  readonly input: ChunkInput;
  readonly state: BatchState;
}

/** Starts a chunk of the input on so many lanes. It looks for what its canary or an earlier execution has left. */
export function startOfChunk(state: BatchState, chunk: ChunkManifest, lanes: number, facts: RunFacts): ChunkStart {
  const left = leaveCanary(state, chunk.chunk);
  const { state: started, shares } = startNextChunk(left.state, chunk, begin(left.state, lanes, itemsToAsk(chunk)));
  return withInput(started, { ...facts, chunk, shares, recover: left.found || facts.recover });
}

/** Starts the next chunk's part of the canary on so many lanes; undefined when there is none. */
export function startOfCanary(state: BatchState, lanes: number, facts: RunFacts): ChunkStart | undefined {
  const [items = 0] = canaryItems(state);
  const next = startCanaryChunk(state, begin(state, lanes, items));
  if (next === undefined) return undefined;
  const { chunk, items: only } = next.started;
  return withInput(next.state, { ...facts, chunk, shares: next.shares, recover: false, only });
}

function begin(state: BatchState, lanes: number, open: number): ChunkBegin {
  const allowance = firstAllowance(state);
  const toldSize = currentPackSize(state);
  return { lanes, open, toldSize, ...(allowance === undefined ? {} : { allowance }) };
}

function withInput(state: BatchState, start: RunFacts & Pick<ChunkInput, 'chunk' | 'shares' | 'only'>): ChunkStart {
  const { options, revision, models, latency, running } = state;
  const { open = 0, granted = 0, allowance } = running[start.chunk.chunk] ?? {};
  const input: ChunkInput = {
    ...start,
    options,
    revision,
    lanes: granted,
    leftElsewhere: Math.max(0, itemsLeft(state) - open),
    models,
    latency,
    tokensPerItem: itemTokens(state),
    ...(allowance === undefined ? {} : { allowance }),
  };
  return { input, state };
}
