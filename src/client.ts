import { createHash } from 'node:crypto';
import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { z } from 'zod';
import type { RunChange } from './batch/change.js';
import { withPacks } from './batch/live-progress.js';
import type { Progress } from './batch/progress.js';
import { type BatchInput, type BatchResult, batchInputSchema } from './batch/run.js';
import { packBeats } from './client-packs.js';
import { decodePayloads } from './client-payloads.js';
import type { batchWorkflow } from './workflows/batch.js';

/** Names of the workflow and its messages. Imported as names, since code of workflows must not be loaded in a client. */
const WORKFLOW_TYPE = 'batchWorkflow';

/** Task queue of `dria-temporal worker` and of runs that say nothing else. */
export const DEFAULT_TASK_QUEUE = 'dria-batch';

/** What starts a run. */
export interface StartBatch {
  /** The run's id: the workflow id. */
  readonly id: string;
  readonly input: BatchInput;
  /** Default `dria-batch`. */
  readonly taskQueue?: string;
  /** 1 goes first, 5 last, among runs that share workers, where the server knows priorities. Default 3. */
  readonly priority?: number;
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

/** What a run begins with; one that continued as new has its state beside it. */
const startedSchema = batchInputSchema.extend({ carried: z.unknown().optional() });

function withoutCarried({ carried: _state, ...input }: z.output<typeof startedSchema>): BatchInput {
  return input;
}

/** Starts runs, finds them and steers them, on any Temporal server. */
export class BatchClient {
  constructor(private readonly client: Client) {}

  /** Starts a run; when one with the same id is running, gives that one. */
  async start(batch: StartBatch): Promise<BatchHandle> {
    const { id, input, taskQueue = DEFAULT_TASK_QUEUE, priority, title, details, memo } = batch;
    await this.client.workflow.start<typeof batchWorkflow>(WORKFLOW_TYPE, {
      workflowId: id,
      taskQueue,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      // Chunks and packs inherit both. Workers that several runs share deal their work out in equal parts by the key.
      priority: { fairnessKey: fairnessKeyOf(id), ...(priority === undefined ? {} : { priorityKey: priority }) },
      ...(title === undefined ? {} : { staticSummary: title }),
      ...(details === undefined ? {} : { staticDetails: details }),
      ...(memo === undefined ? {} : { memo }),
    });
    return this.handle(id);
  }

  /** A run by its id, whether or not there is one; `execution` means one execution of it instead of the newest. */
  handle(id: string, execution?: string): BatchHandle {
    return new BatchHandle(this.client, id, execution);
  }

  /**
   * Executions of runs in the namespace, in the server's order: those under way, then the last to end. `conditions` are
   * of Temporal's list filter, all of which must hold.
   */
  async *list(conditions: readonly string[] = []): AsyncGenerator<WorkflowExecutionInfo, void, undefined> {
    const query = [`WorkflowType = '${WORKFLOW_TYPE}'`, ...conditions].join(' AND ');
    yield* this.client.workflow.list({ query });
  }
}

/** One run. */
export class BatchHandle {
  private readonly handle;

  constructor(
    private readonly client: Client,
    readonly id: string,
    private readonly execution?: string,
  ) {
    this.handle = client.workflow.getHandle<typeof batchWorkflow>(id, execution);
  }

  /** How the run goes, with what its packs under way have done by their last heartbeats; needs a worker. */
  async progress(): Promise<Progress> {
    // The packs last: one that ends between the two is then missed for a moment, and never counted twice.
    const progress = await this.handle.query<Progress, []>('progress');
    return withPacks(progress, await packBeats(this.client, { workflowId: this.id, runId: this.execution }));
  }

  /** Waits for the end. Throws `WorkflowFailedError` when the run failed. */
  result(): Promise<BatchResult> {
    return this.handle.result();
  }

  /** Stops giving out work; requests in flight finish. */
  pause(): Promise<Progress> {
    return this.handle.executeUpdate<Progress, []>('pause');
  }

  /** Goes on with a paused run. */
  resume(): Promise<Progress> {
    return this.handle.executeUpdate<Progress, []>('resume');
  }

  /** Changes how the run goes on. Fails with a `WorkflowUpdateFailedError` that names the field when it cannot be. */
  set(change: RunChange): Promise<Progress> {
    return this.handle.executeUpdate<Progress, [RunChange]>('set', { args: [change] });
  }

  /** Ends the run; finished answers stay in the run directory. */
  async cancel(): Promise<void> {
    await this.handle.cancel();
  }

  /**
   * What the run was started with, from the first event of its history; undefined when that cannot be read (it is no
   * run's, or encoded in a way that is not known here).
   */
  async input(): Promise<BatchInput | undefined> {
    const { workflowService, options } = this.client;
    const { history } = await workflowService.getWorkflowExecutionHistory({
      namespace: options.namespace,
      execution: { workflowId: this.id },
      maximumPageSize: 1,
    });
    const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
    const [started] = await decodePayloads(this.client, payloads);
    const parsed = startedSchema.safeParse(started);
    return parsed.success ? withoutCarried(parsed.data) : undefined;
  }

  /** What the server knows of the run; undefined when there is none with this id. */
  async describe(): Promise<WorkflowExecutionDescription | undefined> {
    try {
      return await this.handle.describe();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }
}
