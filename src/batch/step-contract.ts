import type { Counts } from './counts.js';
import type { ItemRanges } from './item-ranges.js';
import type { ChunkManifest } from './manifest.js';
import type { OutputFormat } from './output-format.js';
import type { OutputLine } from './prompts.js';
import type { RunEvent } from './run-event.js';
import type { RunSummary } from './summary.js';

/** An execution of a workflow with all that follow it by a retry, cron, a reset or continuing as new. */
export interface ExecutionChain {
  readonly namespace: string;
  readonly firstRunId: string;
}

/** Which chunk's part is written, and what the workflow has counted of it. */
export interface PartInput {
  readonly run: string;
  readonly chunk: ChunkManifest;
  readonly detail: boolean;
  /** Requests, retries, fallbacks and waste are taken from here; all else is counted from the outcomes. */
  readonly counts: Counts;
  /** The chunk has a part already, whose failed items were asked again: the new one takes its place. */
  readonly replace?: boolean;
}

/** Which chunk to look for. */
export interface RecoverInput {
  readonly run: string;
  readonly chunk: ChunkManifest;
  /** Items that have failed are to be asked again: a part with such items is taken apart. */
  readonly retryFailed: boolean;
}

/** What is in storage of a chunk that an earlier execution of the run worked on. */
export interface RecoveredChunk {
  /** Present if the chunk's part was written: the chunk is done. */
  readonly part?: { readonly counts: Counts };
  /** The chunk has a part, but some of its items are asked again: it is to be replaced. */
  readonly reopened?: boolean;
  /** Items that have an outcome. */
  readonly items: ItemRanges;
  /** The chunk's items in the order in which they are to be asked; absent for that of the input. */
  readonly order?: ItemRanges;
  readonly counts: Counts;
}

/** Items that end in an error that no request brought. */
export interface FailItemsInput {
  readonly run: string;
  readonly chunk: number;
  readonly items: ItemRanges;
  /** The last target asked; empty if there was none. */
  readonly target: string;
  readonly error: string;
}

/** A run that did not come to its end; the summary is absent if it failed before it had begun. */
export interface EndInput {
  readonly run: string;
  readonly chain: ExecutionChain;
  readonly summary?: RunSummary;
}

/** What `assembleResults` joins, and the summary it writes beside the results. */
export interface AssembleInput {
  readonly run: string;
  readonly chain: ExecutionChain;
  readonly chunks: number;
  readonly summary: RunSummary;
  /** The lines are wanted in the result, if they are few. */
  readonly inline?: boolean;
}

/** A webhook to send. */
export interface WebhookInput {
  readonly run: string;
  readonly url: string;
  /** The same for all attempts. */
  readonly id: string;
  readonly event: RunEvent;
}

/** Where the results are written once more, and how: by default as the extension has it. */
export interface CopyInput {
  readonly run: string;
  readonly output: string;
  readonly outputFormat?: OutputFormat;
  readonly flatten?: boolean;
}

/** What `assembleResults` has joined. */
export interface AssembledResults {
  readonly results: string;
  readonly lines?: readonly OutputLine[];
  /** Why there are no lines though they were wanted. */
  readonly notInline?: string;
}
