import { createHash } from 'node:crypto';
import type { Priority } from '@temporalio/common';
import type { BatchInput } from './batch/run.js';
import { indexedPairs } from './batch/search-names.js';

/** Name of the workflow: its code must not be loaded in a client. */
export const WORKFLOW_TYPE = 'batchWorkflow';

/** Task queue of `dria-temporal worker` and of runs that say nothing else. */
export const DEFAULT_TASK_QUEUE = 'dria-batch';

/** What starts a run. */
export interface StartBatch {
  /** The run's id: the workflow id. */
  readonly id: string;
  /** What to run, and how. */
  readonly input: BatchInput;
  /** Task queue of the workers that run it. Default `dria-batch`. */
  readonly taskQueue?: string;
  /** 1 goes first, 5 last, among runs that share workers, where the server knows priorities. Default 3. */
  readonly priority?: number;
  /**
   * The run's share of the workers beside runs of the same priority, if the task queue has fairness: twice the weight,
   * twice the packs. From 0.001 to 1000. Default 1.
   */
  readonly weight?: number;
  /** One line for lists and the Web UI. */
  readonly title?: string;
  /** Markdown for the Web UI. */
  readonly details?: string;
  /** Facts for lists, kept with the run: no secrets. */
  readonly memo?: Record<string, unknown>;
}

/** Longest fairness key that Temporal takes, bytes. */
const LONGEST_FAIRNESS_KEY = 64;

function fairnessKeyOf(id: string): string {
  if (Buffer.byteLength(id) <= LONGEST_FAIRNESS_KEY) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, LONGEST_FAIRNESS_KEY);
}

/**
 * Priority of a run; its chunks and packs inherit it. Workers that several runs share deal their work out by the fairness
 * key, in parts by the weights.
 */
function priorityOf({ id, priority, weight }: StartBatch): Priority {
  return {
    fairnessKey: fairnessKeyOf(id),
    ...(priority === undefined ? {} : { priorityKey: priority }),
    ...(weight === undefined ? {} : { fairnessWeight: weight }),
  };
}

/** Returns what the SDK starts a run with, by itself or by a schedule. */
export function startOptions(batch: StartBatch) {
  const { id, input, taskQueue = DEFAULT_TASK_QUEUE, title, details, memo } = batch;
  // Those of a start are not billed, and a namespace that has none of the name refuses them here.
  const typedSearchAttributes = indexedPairs(input, { state: 'starting', model: input.options?.model });
  return {
    workflowId: id,
    taskQueue,
    args: [input] satisfies [BatchInput],
    priority: priorityOf(batch),
    ...(typedSearchAttributes.length === 0 ? {} : { typedSearchAttributes }),
    ...(title === undefined ? {} : { staticSummary: title }),
    ...(details === undefined ? {} : { staticDetails: details }),
    ...(memo === undefined ? {} : { memo }),
  };
}
