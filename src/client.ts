import { type Client, isGrpcServiceError } from '@temporalio/client';
import { z } from 'zod';
import type { RunChange } from './batch/change.js';
import { withEnd } from './batch/end-of-run.js';
import { withPacks } from './batch/live-progress.js';
import { inputAt } from './batch/placeholders.js';
import type { Progress } from './batch/progress.js';
import { type BatchInput, type BatchResult, batchInputSchema } from './batch/run.js';
import { SEARCH_ATTRIBUTES } from './batch/search-names.js';
import { dateOf, executionOf, indexedValue, listExecutions, type RunExecution } from './client-executions.js';
import { serversView } from './client-packs.js';
import { decodePayloads } from './client-payloads.js';
import { BatchSchedules } from './client-schedules.js';
import { sendUpdate } from './client-updates.js';
import { type StartBatch, startOptions, WORKFLOW_TYPE } from './start-batch.js';
import type { batchWorkflow } from './workflows/batch.js';

/** The gRPC status of what is not there: a run, or its namespace. */
const NOT_FOUND = 5;

/** The gRPC status of a query that names what the server does not know. */
const INVALID_ARGUMENT = 3;

/** What a run begins with; one that continued as new has its state beside it, or what it takes along. */
const startedSchema = batchInputSchema.extend({ carried: z.unknown().optional(), restart: z.unknown().optional() });

function withoutCarried({ carried: _state, restart: _restart, ...input }: z.output<typeof startedSchema>): BatchInput {
  return input;
}

/** Starts runs, finds them and steers them, on any Temporal server. */
export class BatchClient {
  /** Runs that start by themselves at given times. */
  readonly schedules: BatchSchedules;

  constructor(private readonly client: Client) {
    this.schedules = new BatchSchedules(client);
  }

  /**
   * Returns true if the namespace has the search attributes that a run may set. Asked of the index itself: to read the
   * list of attributes takes more rights than to list runs.
   */
  async hasSearchAttributes(): Promise<boolean> {
    const query = Object.values(SEARCH_ATTRIBUTES)
      .map((name) => `${name} = 'none'`)
      .join(' AND ');
    try {
      await this.client.workflow.count(query);
      return true;
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      if (isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT) return false;
      throw error;
    }
  }

  /** Starts a run; when one with the same id is running, gives that one. */
  async start(batch: StartBatch): Promise<BatchHandle> {
    const { id } = batch;
    await this.client.workflow.start<typeof batchWorkflow>(WORKFLOW_TYPE, {
      ...startOptions(batch),
      workflowIdConflictPolicy: 'USE_EXISTING',
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
  async *list(conditions: readonly string[] = []): AsyncGenerator<RunExecution, void, undefined> {
    yield* listExecutions(this.client, [`WorkflowType = '${WORKFLOW_TYPE}'`, ...conditions].join(' AND '));
  }
}

/** One run. */
export class BatchHandle {
  private readonly handle;

  constructor(
    private readonly client: Client,
    /** The run's id. */
    readonly id: string,
    private readonly execution?: string,
  ) {
    this.handle = client.workflow.getHandle<typeof batchWorkflow>(id, execution);
  }

  /**
   * How the run goes, with what its packs under way have done by their last heartbeats; needs a worker. Of an execution
   * that has ended the state is the server's.
   */
  async progress(): Promise<Progress> {
    // The packs last: one that ends between the two is then missed for a moment, and never counted twice.
    const progress = await this.handle.query<Progress, []>('progress');
    const { ended, packs } = await serversView(this.client, { workflowId: this.id, runId: this.execution });
    return withEnd(withPacks(progress, packs), ended);
  }

  /** Waits for the end. Throws `WorkflowFailedError` when the run failed; `batchFailureOf` returns why. */
  result(): Promise<BatchResult> {
    return this.handle.result();
  }

  /** Resolves when the server answers. Throws as any call does, also when it has not answered within `withinMs`. */
  async ping(withinMs: number): Promise<void> {
    const { client } = this;
    await client.withDeadline(Date.now() + withinMs, () => client.workflowService.getSystemInfo({}));
  }

  /** Stops giving out work; requests in flight finish. */
  pause(): Promise<Progress> {
    return sendUpdate(() => this.handle.executeUpdate<Progress, []>('pause'));
  }

  /** Goes on with a paused run. */
  resume(): Promise<Progress> {
    return sendUpdate(() => this.handle.executeUpdate<Progress, []>('resume'));
  }

  /** Changes how the run goes on. Fails with a `WorkflowUpdateFailedError` that names the field when it cannot be. */
  set(change: RunChange): Promise<Progress> {
    return sendUpdate(() => this.handle.executeUpdate<Progress, [RunChange]>('set', { args: [change] }));
  }

  /** Ends the run; finished answers stay in the run directory. */
  async cancel(): Promise<void> {
    await this.handle.cancel();
  }

  /**
   * What the run was started with, from the first event of its history, its placeholders filled; undefined when that
   * cannot be read (it is no run's, or encoded in a way that is not known here).
   */
  async input(): Promise<BatchInput | undefined> {
    const { workflowService, options } = this.client;
    const { history } = await workflowService.getWorkflowExecutionHistory({
      namespace: options.namespace,
      execution: { workflowId: this.id },
      maximumPageSize: 1,
    });
    const [event] = history?.events ?? [];
    const attributes = event?.workflowExecutionStartedEventAttributes;
    const [started] = await decodePayloads(this.client, attributes?.input?.payloads).catch(() => []);
    const parsed = startedSchema.safeParse(started);
    if (!parsed.success) return undefined;
    const scheduled = indexedValue(attributes?.searchAttributes, 'TemporalScheduledStartTime');
    const at = typeof scheduled === 'string' ? new Date(scheduled) : dateOf(event?.eventTime);
    return inputAt(withoutCarried(parsed.data), at?.getTime() ?? 0);
  }

  /** What the server knows of the run; undefined when there is none with this id. */
  async describe(): Promise<RunExecution | undefined> {
    const { workflowService, options } = this.client;
    const { namespace } = options;
    const execution = { workflowId: this.id, ...(this.execution === undefined ? {} : { runId: this.execution }) };
    try {
      const { workflowExecutionInfo } = await workflowService.describeWorkflowExecution({ namespace, execution });
      return await executionOf(this.client, workflowExecutionInfo ?? {});
    } catch (error) {
      if (!isGrpcServiceError(error) || error.code !== NOT_FOUND || error.details.startsWith('Namespace ')) throw error;
      return undefined;
    }
  }
}
