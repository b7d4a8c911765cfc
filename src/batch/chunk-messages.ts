import type { ItemFailure } from './activity-contract.js';
import type { ChunkState, RunStop, Wait } from './chunk-state.js';
import type { Counts } from './counts.js';
import type { ItemRanges } from './item-ranges.js';
import type { ChunkManifest } from './manifest.js';
import type { ModalityCounts } from './modality.js';
import type { WorkflowOptions } from './options.js';
import type { Targets } from './targets.js';

/** The argument of `chunkWorkflow`. */
export interface ChunkInput {
  /** The run's id: the parent's workflow id. */
  readonly run: string;
  readonly chunk: ChunkManifest;
  /** Items of the run before this chunk, by modality: where in the run's division the chunk's part begins. */
  readonly offset: ModalityCounts;
  readonly heartbeatTimeoutMs: number;
  /** Items that have failed in an earlier execution of the run are asked again. */
  readonly retryFailed: boolean;
  /** The chunk's part of a canary: the other items wait until the orders open them. */
  readonly canary?: { readonly items: ItemRanges; readonly offset: ModalityCounts };
  readonly orders: ChunkOrders;
  /** Set if the chunk goes on in a new history. */
  readonly carried?: ChunkState;
}

/** The result of `chunkWorkflow`: the chunk's counts, or the state in which it goes on later, if it was asked to yield. */
export interface ChunkResult {
  readonly counts: Counts;
  readonly unfinished?: ChunkState;
  /** What its last packs brought, of which it has sent no report. */
  readonly news?: Pick<ChunkReport, 'lastFailures' | 'notes'>;
}

/** What the parent sends a chunk. Absolute values: the newest message replaces all before it. */
export interface ChunkOrders {
  /** Permits granted so far; the chunk may use those that it has not returned. */
  readonly granted: number;
  /** Give out no work, and take back what was given out. */
  readonly paused: boolean;
  /** End with what is done, and hand back the state: the parent continues as new. */
  readonly yielding: boolean;
  /** Items that a canary held back are open. */
  readonly isCanaryPassed: boolean;
  /** An item of the run has been answered: failures are the items' own. */
  readonly isAnswered: boolean;
  /** Number of the newest change of the options: packs that were cut before it are taken back. */
  readonly revision: number;
  readonly options: WorkflowOptions;
  /** Facts of the models list, and the run's newest knowledge of health. */
  readonly targets: Targets;
  /** Tokens that the chunk may spend in all; absent without a limit. */
  readonly allowance?: number;
  /** What an item costs as the run has seen it, tokens. */
  readonly tokensPerItem: number;
}

/** What a chunk sends its parent. Absolute values, so that duplicate or late messages are harmless. */
export interface ChunkReport {
  readonly chunk: number;
  /** The revision of the orders that it follows. */
  readonly revision: number;
  /** Permits returned so far. */
  readonly returned: number;
  /** Permits that packs hold. */
  readonly inFlight: number;
  /** Items in no pack. */
  readonly open: number;
  /** Of these, items that could be in a pack now. */
  readonly ready: number;
  readonly counts: Counts;
  readonly targets: Targets;
  /** Present while no target can be asked. */
  readonly wait?: Wait;
  /** Present if the run must pause or end. */
  readonly stop?: RunStop;
  /** The allowance that is used up; absent while there is some left, or no limit. */
  readonly shortOf?: number;
  /** Newest failures, newest last, maximum 5. */
  readonly lastFailures: readonly ItemFailure[];
  readonly notes: readonly string[];
}
