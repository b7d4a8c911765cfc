import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type BatchState,
  endChunk,
  grantTo,
  hearReport,
  itemsLeft,
  ordersFor,
  outdatedChunks,
  planLanes,
  planShares,
  startNextChunk,
} from '../batch/batch-state.js';
import type { RunStop } from '../batch/chunk-state.js';
import { eventsOfAChunk } from '../batch/history-room.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { type ModelTable, refreshModels, sameModels } from '../batch/model-table.js';
import type { Progress, RunState } from '../batch/progress.js';
import type { ChunkInput, ChunkOrders, ChunkReport } from '../batch/reports.js';
import type { BatchInput } from '../batch/run.js';
import { describeProgress, progressOf } from '../batch/run-view.js';
import { steps } from './activities.js';
import { chunkWorkflow } from './chunk.js';
import { roomInHistory } from './history-length.js';
import { ModelsWatch } from './models-watch.js';
import { OrderLine } from './orders.js';

/** Heartbeat time-out of a pack where the caller says nothing, ms: each recorded heartbeat is a billed action. */
const HEARTBEAT_TIMEOUT_MS = 60_000;

/** The argument of `batchWorkflow`; `carried` is set when the run continues as new. */
export type CarriedBatchInput = BatchInput & { readonly carried?: BatchState };

/** Drives a run's chunks: owns the lanes, hears the chunks, keeps the models and the progress. */
export class BatchRun {
  private changed = false;
  private crash: { readonly error: unknown } | undefined;
  private page: readonly ChunkManifest[] = [];
  /** The started chunks; without a line while the child is being started. */
  private readonly lines = new Map<number, OrderLine | undefined>();
  /** Chunks that must be told something once they have a line. */
  private readonly untold = new Set<number>();
  private readonly chunks = new CancellationScope();
  private readonly watch = new ModelsWatch(
    (list) => this.hearModels(refreshModels(this.state.models, list)),
    () => this.state.paused,
  );
  private phase: RunState = 'running';
  private reason: string | undefined;
  /** When the shares were planned, epoch ms: a model that was down then and may be asked now has none. */
  private plannedAt = Date.now();

  constructor(
    private readonly run: string,
    private readonly input: CarriedBatchInput,
    private state: BatchState,
  ) {}

  /** The run as the query gives it. */
  progress(): Progress {
    const progress = progressOf(this.state, this.phase, Date.now());
    return this.reason === undefined ? progress : { ...progress, reason: this.reason };
  }

  /** The state when all chunks have ended. */
  finished(): BatchState {
    this.phase = 'finishing';
    return this.state;
  }

  /** The run has ended; `reason` says why when it was not well. */
  end(phase: 'completed' | 'failed' | 'cancelled', reason?: string): void {
    this.phase = phase;
    this.reason = reason;
  }

  /** Stops giving out work. */
  pause(reason: string): void {
    this.state = { ...this.state, paused: true, pausedFor: reason };
    this.tellAll();
  }

  /** Goes on. */
  resume(): void {
    const { pausedFor: _why, ...state } = this.state;
    this.state = { ...state, paused: false, resumedAt: Date.now() };
    this.tellAll();
  }

  /** Hears a chunk. */
  hear(report: ChunkReport): void {
    const { models } = this.state;
    this.state = hearReport(this.state, report);
    if (report.models !== undefined) this.watch.want();
    if (this.state.models !== models) this.planAnew();
    if (report.stop?.type === 'PaymentRequired') this.hearOutOfCredits(report.chunk, report.stop);
    if (report.stop?.type === 'Unauthorized') {
      this.crash ??= { error: ApplicationFailure.nonRetryable(report.stop.message, 'Unauthorized') };
    }
    this.changed = true;
  }

  private hearOutOfCredits(chunk: number, { message, askedAt }: RunStop): void {
    const { paused, resumedAt = 0 } = this.state;
    if (paused) return;
    // What was asked before the run was resumed says nothing of the credits since: the chunk may go on.
    if (askedAt < resumedAt) this.tell(chunk);
    else this.pause(message);
  }

  /** Runs every chunk to its end. Fails as soon as one fails; then the others are cancelled and keep what they have. */
  async runChunks(): Promise<void> {
    try {
      await CancellationScope.cancellable(async () => {
        const watching = this.watch.run().catch((error: unknown) => {
          if (!isCancellation(error)) this.fail(error);
        });
        await this.loop();
        CancellationScope.current().cancel();
        await watching;
      });
    } catch (error) {
      this.chunks.cancel();
      await CancellationScope.nonCancellable(() => condition(() => this.lines.size === 0));
      throw this.crash?.error ?? error;
    }
  }

  private async loop(): Promise<void> {
    const { chunks } = this.state.manifest;
    while (this.state.doneChunks < chunks) {
      this.changed = false;
      const drained = Object.keys(this.state.running).length === 0;
      if (drained && this.roomForChunks() < 1) await this.handOver();
      await this.turnPage();
      this.dispatch();
      setCurrentDetails(describeProgress(this.progress()));
      await condition(() => this.changed);
      if (this.crash !== undefined) throw this.crash.error;
    }
  }

  /** How many chunks may be started beside those that run, for all to end in this history. */
  private roomForChunks(): number {
    const running = Object.keys(this.state.running).length;
    return Math.max(0, Math.floor(roomInHistory() / eventsOfAChunk(this.state.manifest)) - running);
  }

  /** Passes the state on to a fresh history; no chunk is running. */
  private async handOver(): Promise<void> {
    await condition(allHandlersFinished);
    const carried: CarriedBatchInput = { ...this.input, carried: this.state };
    await continueAsNew<(input: CarriedBatchInput) => Promise<unknown>>(carried);
  }

  private async turnPage(): Promise<void> {
    const { nextChunk, manifest } = this.state;
    this.page = this.page.filter(({ chunk }) => chunk >= nextChunk);
    if (this.page.length > 0 || nextChunk >= manifest.chunks) return;
    this.page = (await steps.readChunks({ run: this.run, from: nextChunk })).chunks;
  }

  private dispatch(): void {
    const now = Date.now();
    if (this.state.models.some(({ downUntil }) => downUntil > this.plannedAt && downUntil <= now)) this.plan();
    // When there is no room in the history nothing is started, so that what runs can end.
    const next = this.page.slice(0, this.roomForChunks());
    const plan = planLanes(this.state, next);
    for (const { chunk, lanes } of plan.grants) {
      this.state = grantTo(this.state, chunk, lanes);
      this.tell(chunk);
    }
    plan.starts.forEach((lanes, position) => {
      const chunk = next[position];
      if (chunk !== undefined) this.start(chunk, lanes);
    });
    if (plan.starts.length >= this.page.length && this.page.length > 0) this.changed = true;
    for (const chunk of outdatedChunks(this.state)) this.tell(chunk);
  }

  private start(chunk: ChunkManifest, lanes: number): void {
    const started = startNextChunk(this.state, chunk, lanes);
    this.state = started.state;
    const open = started.state.running[chunk.chunk]?.open ?? 0;
    const input: ChunkInput = {
      run: this.run,
      chunk,
      options: this.state.options,
      heartbeatTimeoutMs: this.input.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT_MS,
      lanes,
      leftElsewhere: Math.max(0, itemsLeft(this.state) - open),
      shares: started.shares,
      models: this.state.models,
      latency: this.state.latency,
      recover: this.input.recover === true,
    };
    this.chunks.run(() => this.follow(input)).catch((error: unknown) => this.fail(error));
  }

  private async follow(input: ChunkInput): Promise<void> {
    const number = input.chunk.chunk;
    // A place in the map before the child has started: a cancelled run waits for it too.
    this.lines.set(number, undefined);
    try {
      const child = await startChild(chunkWorkflow, {
        workflowId: `${workflowInfo().workflowId}/chunk-${number}`,
        args: [input],
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `Chunk ${number}: items #${input.chunk.first} and on`,
      });
      this.lines.set(number, new OrderLine(child, input.models, () => this.orders(number)));
      // Only so many chunks are started in one go: now the next may be.
      this.changed = true;
      if (this.untold.delete(number)) this.tell(number);
      const { counts } = await child.result();
      this.state = endChunk(this.state, number, counts);
    } finally {
      this.lines.delete(number);
      this.changed = true;
    }
  }

  private orders(chunk: number): (ChunkOrders & { readonly models: ModelTable }) | undefined {
    const told = ordersFor(this.state, chunk);
    if (told === undefined) return undefined;
    this.state = told.state;
    return { ...told.orders, models: this.state.models };
  }

  private tell(chunk: number): void {
    const line = this.lines.get(chunk);
    if (line === undefined) this.untold.add(chunk);
    else line.send();
  }

  private hearModels(models: ModelTable): void {
    if (sameModels(models, this.state.models)) return;
    this.state = { ...this.state, models };
    this.planAnew();
  }

  private planAnew(): void {
    this.plan();
    this.tellAll();
  }

  private plan(): void {
    this.plannedAt = Date.now();
    this.state = planShares(this.state, this.plannedAt);
  }

  private tellAll(): void {
    for (const chunk of this.lines.keys()) this.tell(chunk);
    this.changed = true;
  }

  private fail(error: unknown): void {
    this.crash ??= { error };
    this.changed = true;
  }
}
