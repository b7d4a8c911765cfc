import type { ModelShare } from './allocation.js';
import type { ChunkState, RunStop } from './chunk-state.js';
import type { Counts } from './counts.js';
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
  /** The newest failures, at most 5, newest last. */
  readonly lastFailures: readonly FailedItem[];
}

/** What the parent tells a chunk. States here too. */
export interface ChunkOrders {
  /** Lanes granted so far. */
  readonly granted: number;
  readonly leftElsewhere: number;
  readonly paused: boolean;
  /** Only when it changed. */
  readonly models?: ModelTable;
}
