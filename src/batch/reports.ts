import type { ModelShare } from './allocation.js';
import type { ChunkState, RunStop } from './chunk-state.js';
import type { Counts } from './counts.js';
import type { ItemRanges } from './item-ranges.js';
import type { ChunkManifest } from './manifest.js';
import type { Modality } from './modality.js';
import type { ModelTable } from './model-table.js';
import type { WorkflowOptions } from './run.js';
import type { FailedItem } from './work.js';

/** The argument of `chunkWorkflow`. */
export interface ChunkInput {
  /** The run's id: the parent's workflow id. */
  readonly run: string;
  readonly chunk: ChunkManifest;
  readonly options: WorkflowOptions;
  /** Number of the newest change of what is asked. */
  readonly revision: number;
  readonly heartbeatTimeoutMs: number;
  /** Lanes to begin with. */
  readonly lanes: number;
  /** Items of the run outside this chunk that are in no pack. */
  readonly leftElsewhere: number;
  /** How many of the chunk's items each model gets, by modality. */
  readonly shares: Readonly<Record<Modality, readonly ModelShare[]>>;
  readonly models: ModelTable;
  /** Mean answer time by model as the run has seen it, ms. */
  readonly latency: Readonly<Record<string, number>>;
  /** Look in storage for what an earlier execution of the run has done of this chunk. */
  readonly recover: boolean;
  /** With `recover`: items that have failed are asked again. */
  readonly retryFailed: boolean;
  /** Ask only these items, and write no part: the chunk's share of a canary. */
  readonly only?: ItemRanges;
  /** Tokens that the chunk may spend; absent without a limit. */
  readonly allowance?: number;
  /** What an item costs as the run has seen it, tokens. */
  readonly tokensPerItem: number;
  /** Set when the chunk continues as new. */
  readonly carried?: ChunkState;
}

/** The result of `chunkWorkflow`. */
export interface ChunkResult {
  readonly counts: Counts;
}

/** What a chunk tells its parent. Everything is a state, not a change, so that a message too many does no harm. */
export interface ChunkReport {
  readonly chunk: number;
  /** Number of the newest change that the chunk has heard of. */
  readonly revision: number;
  /** Lanes given back so far. */
  readonly returned: number;
  /** Lanes that packs under way hold. */
  readonly inFlight: number;
  /** Items that could be in a pack now. */
  readonly open: number;
  /** Items that no model can take, by modality, and when the chunk looks again, epoch ms. */
  readonly stranded?: { readonly modalities: readonly Modality[]; readonly lookAt: number };
  readonly counts: Counts;
  readonly latency: Readonly<Record<string, number>>;
  /** Only when it changed since the last report. */
  readonly models?: ModelTable;
  readonly stop?: RunStop;
  /** The allowance that is used up; absent while there is some left, or no limit. */
  readonly shortOf?: number;
  /** The newest failures, at most 5, newest last. */
  readonly lastFailures: readonly FailedItem[];
}

/** What the parent tells a chunk. States here too. */
export interface ChunkOrders {
  /** Lanes granted so far. */
  readonly granted: number;
  /** Of these, lanes asked back so far: what the chunk has given back by itself counts. */
  readonly recalled: number;
  readonly leftElsewhere: number;
  readonly paused: boolean;
  readonly revision: number;
  /** Tokens that the chunk may spend in all; absent without a limit. */
  readonly allowance?: number;
  /** Both only when they changed. */
  readonly options?: WorkflowOptions;
  readonly models?: ModelTable;
}
