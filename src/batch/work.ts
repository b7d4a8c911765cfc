import type { CanaryChunk } from './canary.js';
import type { Counts } from './counts.js';
import type { ItemRanges } from './item-ranges.js';
import type { LatencyHistogram } from './latency.js';
import type { ChunkManifest } from './manifest.js';
import type { Model } from './models.js';
import type { BatchInput, ChunkPage, PreparedRun } from './run.js';
import type { RunSummary } from './summary.js';

/**
 * What the names of a pack's segments begin with, whichever attempt writes them. The workflow and the activity must mean
 * the same by it: it is how the answers of a lost pack are found. `runId` is of the chunk's workflow execution.
 */
export function segmentPrefix(runId: string, activityId: string): string {
  return `${runId.slice(0, 8)}-${activityId}/`;
}

/** Types of the failures that activities throw and workflows look at (`ActivityFailure.cause.type`). */
export type FailureType =
  | 'NoNodesAvailable'
  | 'ModalityRefused'
  | 'RateLimited'
  | 'NodeTimeout'
  | 'ServerError'
  | 'NetworkError'
  | 'BadResponse'
  | 'InvalidOutput'
  | 'InvalidRequest'
  | 'InvalidAttachment'
  | 'Unauthorized'
  | 'PaymentRequired'
  | 'InvalidInput'
  | 'WrongEndpoint'
  | 'StorageUnavailable'
  | 'ReconciliationFailed';

/** Failures of one item that may pass when it is asked again. */
const RETRYABLE: ReadonlySet<string> = new Set<FailureType>([
  'RateLimited',
  'NodeTimeout',
  'ServerError',
  'NetworkError',
  'BadResponse',
  'InvalidOutput',
]);

/** True when the same item may be asked again. */
export function isRetryable(type: string): boolean {
  return RETRYABLE.has(type);
}

/** An item that a pack could not finish. */
export interface UnfinishedItem {
  readonly item: number;
  readonly type: FailureType;
  /** As the output line will have it: `<status or kind>: <message>`. */
  readonly error: string;
  /** What the endpoint asked to wait before the next try, ms. */
  readonly retryAfterMs?: number;
}

/** What an `infer` has done: its result, and the first detail of the failures that end a pack at once. */
export interface PackProgress {
  /** Names of the segments that count, those taken over from earlier attempts included. */
  readonly segments: readonly string[];
  readonly ok: number;
  readonly truncated: number;
  readonly tokens: number;
  readonly requests: number;
  /** Answers with nothing in them, and the tokens of answers that were of no use. */
  readonly empty: number;
  readonly wastedTokens: number;
  /** Times of the answers that came now. */
  readonly latency: LatencyHistogram;
  /** Mean time of an answer, ms; absent when there was none. */
  readonly latencyMs?: number;
  readonly unfinished: readonly UnfinishedItem[];
  /** Items that were not asked, or whose answer this pack does not have: the workflow gives them out again. */
  readonly remaining: ItemRanges;
}

/** What an `infer` works on. */
export interface InferInput {
  /** The run's id, which names its run directory. */
  readonly run: string;
  readonly chunk: number;
  readonly model: string;
  readonly items: ItemRanges;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly timeoutSecs: number;
  /** Write every fact of an answer into its line. */
  readonly detail: boolean;
  /** Requests that these items have had before this pack. */
  readonly attempts: number;
  /** Models that were asked before, oldest first. */
  readonly tried: readonly string[];
  /** Prefixes of segments that lost attempts of the same items may have left. */
  readonly takeOver: readonly string[];
  /** Tokens that the pack may spend: once they are spent no further item is asked. Without it, any number. */
  readonly tokenBudget?: number;
  /** The item is alone under its retry policy: a retryable failure is thrown, not listed as unfinished. */
  readonly alone: boolean;
  /** Requests that it may have in flight. Default 1. */
  readonly lanes?: number;
  /** The run has no further pack for its lanes: they are lent as long as another pack can use them. */
  readonly last?: boolean;
}

/** An item that ended in an error, for its output line. */
export interface FailedItem {
  readonly item: number;
  /** The last model asked; empty when there was none. */
  readonly model: string;
  readonly error: string;
  readonly attempts: number;
  readonly tried: readonly string[];
}

/** What `writePart` merges. */
export interface PartInput {
  readonly run: string;
  readonly chunk: ChunkManifest;
  readonly segments: readonly string[];
  readonly failures: readonly FailedItem[];
  readonly detail: boolean;
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

/** What is left in storage of a chunk that an earlier execution of the run worked on. */
export interface RecoveredChunk {
  /** Present when the chunk's part was written: the chunk is done. */
  readonly part?: { readonly counts: Counts };
  /** The chunk has a part, but some of its items are asked again: it is to be replaced. */
  readonly reopened?: boolean;
  /** Segments whose items are answered; with `part` they do not matter. */
  readonly segments: readonly string[];
  readonly items: ItemRanges;
  readonly counts: Counts;
}

/** What `assembleResults` joins, and the summary it writes beside the results. */
export interface AssembleInput {
  readonly run: string;
  readonly chunks: number;
  readonly summary: RunSummary;
}

/** The activities of this package, as workflows call them. One object per argument. */
export interface BatchActivities {
  /** Reads and checks the whole input, once. Fails with `InvalidInput`, not retried. */
  readManifest(input: { readonly run: string; readonly batch: BatchInput }): Promise<PreparedRun>;
  /** A page of the manifest's chunks, from chunk number `from`. */
  readChunks(input: { readonly run: string; readonly from: number }): Promise<ChunkPage>;
  /** The endpoint's models. */
  fetchModels(): Promise<Model[]>;
  /** The account's credits; none where the endpoint does not tell. A refused key is a failure, and where they are needed any trouble. */
  readBalance(input: { readonly needed: boolean }): Promise<{ readonly balance?: number }>;
  /** Items that a canary takes, by chunk. */
  readCanary(input: { readonly run: string; readonly items: number }): Promise<{ readonly chunks: CanaryChunk[] }>;
  infer(input: InferInput): Promise<PackProgress>;
  recoverChunk(input: RecoverInput): Promise<RecoveredChunk>;
  /** Keeps the error lines of a chunk that is cancelled, for whoever wants what there is. */
  keepFailures(input: PartInput): Promise<void>;
  writePart(input: PartInput): Promise<{ readonly counts: Counts }>;
  /** Writes the summary of a run that did not come to its end. */
  keepSummary(input: { readonly run: string; readonly summary: RunSummary }): Promise<void>;
  assembleResults(input: AssembleInput): Promise<{ readonly results: string }>;
}
