import type { ApiName } from './api.js';
import type { CanaryChunk } from './canary.js';
import type { Counts } from './counts.js';
import type { Price } from './endpoint-rules.js';
import type { ItemRanges } from './item-ranges.js';
import type { Modality } from './modality.js';
import type { Model } from './models.js';
import type { WorkflowOptions } from './options.js';
import type { PromptItem, ResultsPage } from './prompts.js';
import type { BatchInput, ChunkPage, PreparedRun } from './run.js';
import type {
  AssembledResults,
  AssembleInput,
  CopyInput,
  EndInput,
  ExecutionChain,
  FailItemsInput,
  PartInput,
  RecoveredChunk,
  RecoverInput,
  WebhookInput,
} from './step-contract.js';

/** Types of the failures of a pack, all of an endpoint's or of an item's making. */
const PACK_FAILURES = [
  'NoNodesAvailable',
  'ModelUnavailable',
  'TargetUnavailable',
  'ModalityRefused',
  'RateLimited',
  'NodeTimeout',
  'ServerError',
  'NetworkError',
  'EndpointUnavailable',
  'BadResponse',
  'InvalidOutput',
  'InvalidRequest',
  'InvalidAttachment',
  'RequestRefused',
  'Unauthorized',
  'PaymentRequired',
  'WrongEndpoint',
  'AllRefused',
] as const;
export type PackFailureType = (typeof PACK_FAILURES)[number];

/** Types of the failures that activities throw and workflows match on (`ActivityFailure.cause.type`). */
export type FailureType =
  | PackFailureType
  | 'InvalidInput'
  | 'StorageUnavailable'
  | 'StorageNotShared'
  | 'WebhookFailed'
  | 'ReconciliationFailed';

/** Returns true for the type of a failure that ends a pack, and not its run. */
export function isPackFailure(type: string | null | undefined): type is PackFailureType {
  return PACK_FAILURES.some((known) => known === type);
}

/** What an `infer` works on: a pack, its share of the run's bounds, and how each item is asked. */
export interface InferInput {
  /** The run's id, which names its run directory. */
  readonly run: string;
  readonly chunk: number;
  readonly target: string;
  readonly modality: Modality;
  readonly items: ItemRanges;
  /** Permits: what the pack adds to the requests that its run may have in flight on the worker. */
  readonly permits: number;
  /** Tokens that it may spend; once they are spent no further item is asked. Absent without a limit. */
  readonly tokens?: number;
  /** Requests a minute: what the pack adds to those that its run may send on the worker. Absent without a limit. */
  readonly rpm?: number;
  /** Tokens a minute, likewise. */
  readonly tpm?: number;
  /** Name of the endpoint that it asks, in a run with several; `target` is then `endpoint/model`. */
  readonly endpoint?: string;
  /** What the pack adds to what its run may do at each endpoint with a bound of its own, on the worker. */
  readonly shares?: Readonly<Record<string, EndpointShare>>;
  /** What the target costs. */
  readonly price?: Price;
  /** Its items have failed before: those that fail again are asked again by the activity's retry policy. */
  readonly retrying?: boolean;
  /** Workers elsewhere may have recorded outcomes of its items since they were last read. */
  readonly reread?: boolean;
  /** Another target could take its items, so that this one can be left. */
  readonly hasOther?: boolean;
  /** An item of the run has been answered: failures are the items' own. */
  readonly isAnswered?: boolean;
  readonly options: RequestOptions;
}

/** What a pack adds to the bounds of one endpoint. A bound that is absent does not hold. */
export interface EndpointShare {
  /** Requests in flight; a part of one, too. */
  readonly permits?: number;
  /** Requests a minute. */
  readonly rpm?: number;
  /** Tokens a minute. */
  readonly tpm?: number;
}

/** What the endpoints of a run list. */
export interface EndpointLists {
  /** Their models, by the names of targets: `endpoint/model`. */
  readonly models: readonly Model[];
  /** Why some endpoint has none of them, a sentence each. */
  readonly away: readonly string[];
}

/** The options of a run that shape a request. */
export type RequestOptions = Pick<
  WorkflowOptions,
  'model' | 'api' | 'maxTokens' | 'temperature' | 'timeoutSecs' | 'retries' | 'detail'
>;

/** What an `infer` has done: its result, and the first detail of the failures that end a pack early. */
export interface PackResult {
  /** Counted since the pack was cut, over all attempts of the activity. Those of its target stand under `models`. */
  readonly counts: Counts;
  /** Items whose attempt failed and that may be asked again. */
  readonly failed: ItemRanges;
  /** Items that this target refused in words that may be about the target: another one is asked. */
  readonly refused: ItemRanges;
  /** Items whose answers the target could not repair: another one is asked first. Absent if there are none. */
  readonly misfits?: ItemRanges;
  /** Items that were not asked, or whose request does not count. */
  readonly open: ItemRanges;
  /** How long the endpoint asks to wait before its target, or the failed items, are asked again, ms. */
  readonly waitMs?: number;
  /** Newest errors of items that have ended in one, maximum 5. */
  readonly lastFailures: readonly ItemFailure[];
  /** What was learnt of the target, in sentences, maximum 5. */
  readonly notes: readonly string[];
}

/** An item that ended in an error. */
export interface ItemFailure {
  readonly item: number;
  /** The last target asked; empty if there was none. */
  readonly target: string;
  /** `<status or kind>: <message>`, maximum 300 characters. */
  readonly error: string;
}

/**
 * Prefix of the activities' names on workers and in histories: a worker of other people's own has activities with other
 * names, and one with the same name would replace ours or be replaced.
 */
export const ACTIVITY_PREFIX = 'dria.';

/** The activities of this package, as workflows call them. One object per argument. */
export interface BatchActivities {
  /** Reads and checks the whole input, once. Fails with `InvalidInput`, not retried. */
  readManifest(input: {
    readonly run: string;
    readonly chain: ExecutionChain;
    readonly batch: BatchInput;
  }): Promise<PreparedRun>;
  /** Returns a page of the manifest's chunks, from chunk number `from`. */
  readChunks(input: { readonly run: string; readonly from: number }): Promise<ChunkPage>;
  /** Returns the endpoint's models that can be asked so. Default: by chat. */
  fetchModels(input: { readonly api?: ApiName | undefined }): Promise<Model[]>;
  /** Returns the models of the endpoints of these names that can be asked so, as far as this worker knows them. */
  fetchEndpointModels(input: {
    readonly endpoints: readonly string[];
    readonly api?: ApiName | undefined;
  }): Promise<EndpointLists>;
  /** Returns the account's credits, or none if the endpoint has no balance. If they are `needed`, any trouble is a failure. */
  readBalance(input: { readonly needed: boolean }): Promise<{ readonly balance?: number }>;
  /** Returns the items that a canary takes, by chunk. */
  readCanary(input: { readonly run: string; readonly items: number }): Promise<{ readonly chunks: CanaryChunk[] }>;
  /** Asks a target about a pack's items and records their outcomes. */
  infer(input: InferInput): Promise<PackResult>;
  recoverChunk(input: RecoverInput): Promise<RecoveredChunk>;
  /** Records an error as the outcome of items; those that have one keep it. Returns how they ended. */
  failItems(input: FailItemsInput): Promise<{ readonly counts: Counts }>;
  /** Merges a chunk's outcomes into its part. Returns what was counted of them. */
  writePart(input: PartInput): Promise<{ readonly counts: Counts }>;
  /** Writes the summary of a run that did not come to its end, and leaves its directory to others. */
  endRun(input: EndInput): Promise<void>;
  /** Joins the parts into the results. Returns their lines too if they are wanted and small. */
  assembleResults(input: AssembleInput): Promise<AssembledResults>;
  /** Writes the results to an absolute path on the worker, or to a key under the storage root. Idempotent. */
  copyResults(input: CopyInput): Promise<void>;
  /** Sends an event of the run to its webhook. Fails with `WebhookFailed`, and with `InvalidInput` if this worker may not send it. */
  sendWebhook(input: WebhookInput): Promise<void>;
  /** Stages prompts, as many as a payload carries. Fails with `InvalidInput`. */
  stagePrompts(input: { readonly items: readonly PromptItem[] }): Promise<{ readonly input: string }>;
  /** Joins staged inputs into one, in their order. */
  joinInputs(input: { readonly inputs: readonly string[] }): Promise<{ readonly input: string }>;
  /** Returns a page of a run's results, from a byte on. */
  readResults(input: { readonly results: string; readonly from: number }): Promise<ResultsPage>;
}
