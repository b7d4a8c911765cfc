import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
} from '@temporalio/workflow';
import { grantTo, ordersFor, outdatedChunks, planLanes } from '../batch/batch-lanes.js';
import { type BatchState, endChunk, planShares } from '../batch/batch-state.js';
import { freeTokens } from '../batch/budget.js';
import { endCanaryChunk, isLastOfCanary } from '../batch/canary.js';
import { applyChange, type RunChange } from '../batch/change.js';
import type { Counts } from '../batch/counts.js';
import { describeProgress } from '../batch/describe-progress.js';
import { hearReport } from '../batch/hear-report.js';
import { eventsOfAChunk } from '../batch/history-room.js';
import { type ModelTable, refreshModels, sameModels } from '../batch/model-table.js';
import type { Model } from '../batch/models.js';
import { type PauseCause, pauseRun, resumeRun } from '../batch/pausing.js';
import type { Progress, RunState } from '../batch/progress.js';
import type { ChunkInput, ChunkReport } from '../batch/reports.js';
import type { BatchInput } from '../batch/run.js';
import { lookAtSpeed, progressOf } from '../batch/run-view.js';
import { ChunkChildren } from './chunk-children.js';
import { isNearItsEnd, roomInHistory } from './history-length.js';
import { ModelsWatch } from './models-watch.js';
import { NextChunks } from './next-chunks.js';
import type { WholeOrders } from './orders.js';
import { RunLimits } from './run-limits.js';

/** Heartbeat time-out of a pack where the caller says nothing, ms: each recorded heartbeat is a billed action. */
const HEARTBEAT_TIMEOUT_MS = 60_000;

/** The argument of `batchWorkflow`; `carried` is set when the run continues as new. */
export type CarriedBatchInput = BatchInput & { readonly carried?: BatchState };

/** Drives a run's chunks: owns the lanes, hears the chunks, keeps the models and the progress. */
export class BatchRun {
  private changed = false;
  private crash: { readonly error: unknown } | undefined;
  private readonly next: NextChunks;
  private readonly children = new ChunkChildren({
    orders: (chunk) => this.orders(chunk),
    ended: (input, counts) => this.ended(input, counts),
    failed: (error) => this.fail(error),
    // Only so many chunks are started in one go: now the next may be.
    changed: () => this.wake(),
  });
  private readonly modelsWatch = new ModelsWatch(
    (list) => this.hearModels(refreshModels(this.state.models, list)),
    () => this.state.paused,
  );
  private readonly limits: RunLimits;
  private phase: RunState = 'running';
  private reason: string | undefined;
  /** When the shares were planned, epoch ms: a model that was down then and may be asked now has none. */
  private plannedAt = Date.now();

  constructor(
    private readonly run: string,
    private readonly input: CarriedBatchInput,
    private state: BatchState,
  ) {
    const { heartbeatTimeoutMs = HEARTBEAT_TIMEOUT_MS, recover = false, retryFailed = false } = input;
    this.next = new NextChunks({ run, heartbeatTimeoutMs, recover, retryFailed });
    this.limits = new RunLimits({
      id: run,
      state: () => this.state,
      become: (next) => {
        this.state = next;
      },
      changed: () => this.wake(),
      tell: (chunk) => this.children.tell(chunk),
      pause: (cause) => this.pause(cause),
    });
  }

  /** The run as the query gives it. */
  progress(): Progress {
    const progress = progressOf(this.state, this.phase, Date.now());
    return this.reason === undefined ? progress : { ...progress, reason: this.reason };
  }

  /** The state when all chunks have ended, or none will any more. */
  async finished(): Promise<BatchState> {
    this.phase = 'finishing';
    await this.limits.look();
    return this.state;
  }

  /** Chunks of the input. */
  get chunkCount(): number {
    return this.state.manifest.chunks;
  }

  /** The run has ended; `reason` says why when it was not well. */
  end(phase: 'completed' | 'failed' | 'cancelled', reason?: string): void {
    this.phase = phase;
    this.reason = reason;
  }

  /** True while the run can be steered. */
  get isUnderWay(): boolean {
    return this.phase === 'running';
  }

  /** Stops giving out work. */
  pause(cause: PauseCause): void {
    this.state = pauseRun(this.state, cause);
    this.children.tellAll();
    this.wake();
  }

  /** Goes on. */
  resume(): void {
    this.state = resumeRun(this.state, Date.now());
    this.children.tellAll();
    this.wake();
  }

  /** Goes on otherwise; `list` are the endpoint's models, for a change of the model. */
  change(change: RunChange, list: readonly Model[]): void {
    this.plannedAt = Date.now();
    this.state = applyChange(this.state, change, list, this.plannedAt);
    // What paused for a limit goes on when there is room again; else it pauses anew.
    if (this.state.pausedBy === 'budget') this.resume();
    this.children.tellAll();
    this.wake();
  }

  /** Hears a chunk. */
  hear(report: ChunkReport): void {
    const { models } = this.state;
    this.state = hearReport(this.state, report);
    if (report.models !== undefined) this.modelsWatch.want();
    if (this.state.models !== models) this.planAnew();
    if (report.stop?.type === 'PaymentRequired') this.limits.refused(report.chunk, report.stop);
    if (report.stop?.type === 'Unauthorized') {
      this.crash ??= { error: ApplicationFailure.nonRetryable(report.stop.message, 'Unauthorized') };
    }
    this.wake();
  }

  /** Runs every chunk to its end. Fails as soon as one fails; then the others are cancelled and keep what they have. */
  async runChunks(): Promise<void> {
    try {
      await CancellationScope.cancellable(async () => {
        const watching = this.modelsWatch.run().catch((error: unknown) => {
          if (!isCancellation(error)) this.fail(error);
        });
        await this.loop();
        CancellationScope.current().cancel();
        await watching;
      });
    } catch (error) {
      await this.children.cancel();
      throw this.crash?.error ?? error;
    }
  }

  private async loop(): Promise<void> {
    const { chunks } = this.state.manifest;
    while (this.state.doneChunks < chunks) {
      this.changed = false;
      this.lookAtHistory();
      if (this.state.isFull && Object.keys(this.state.running).length === 0) await this.handOver();
      await this.next.read(this.state);
      this.dispatch();
      this.state = lookAtSpeed(this.state, this.progress(), Date.now());
      setCurrentDetails(describeProgress(this.run, this.progress()));
      await condition(() => this.changed);
      if (this.crash !== undefined) throw this.crash.error;
    }
  }

  /** Once it has no room for one more chunk, what runs comes to its end together: nothing is started in between. */
  private lookAtHistory(): void {
    if (this.roomForChunks() < 1 && isNearItsEnd()) this.state = { ...this.state, isFull: true };
  }

  /** How many chunks may be started beside those that run, for all to end in this history. */
  private roomForChunks(): number {
    const running = Object.keys(this.state.running).length;
    return Math.max(0, Math.floor(roomInHistory() / eventsOfAChunk(this.state.manifest)) - running);
  }

  /** Passes the state on to a fresh history; no chunk is running. */
  private async handOver(): Promise<void> {
    await condition(() => allHandlersFinished() && !this.limits.isLooking);
    const { isFull: _here, ...state } = this.state;
    const carried: CarriedBatchInput = { ...this.input, carried: state };
    await continueAsNew<(input: CarriedBatchInput) => Promise<unknown>>(carried);
  }

  private dispatch(): void {
    const now = Date.now();
    if (this.state.models.some(({ downUntil }) => downUntil > this.plannedAt && downUntil <= now)) this.plan();
    this.limits.allow();
    const next = this.nextToStart();
    const plan = planLanes(this.state, next);
    for (const { chunk, lanes } of plan.grants) {
      this.state = grantTo(this.state, chunk, lanes);
      this.children.tell(chunk);
    }
    for (const lanes of plan.starts) this.startNext(lanes);
    if (plan.starts.length >= next.length && next.length > 0) this.changed = true;
    for (const chunk of outdatedChunks(this.state)) this.children.tell(chunk);
  }

  /** Items of the chunks that may be started now. None when there is no room in the history, so that what runs can end. */
  private nextToStart(): readonly number[] {
    if (this.state.isFull || freeTokens(this.state) === 0) return [];
    return this.next.items(this.state).slice(0, this.roomForChunks());
  }

  private startNext(lanes: number): void {
    const start = this.next.start(this.state, lanes);
    if (start === undefined) return;
    this.state = start.state;
    this.children.start(start.input);
  }

  private async ended({ chunk: { chunk }, only }: ChunkInput, counts: Counts): Promise<void> {
    if (only === undefined) this.become(endChunk(this.state, chunk, counts));
    else await this.endCanary(chunk, counts);
  }

  private async endCanary(chunk: number, counts: Counts): Promise<void> {
    // Whoever looks at the canary wants to know what it has cost.
    if (isLastOfCanary(this.state, chunk)) await this.limits.look();
    this.become(endCanaryChunk(this.state, chunk, counts));
  }

  private orders(chunk: number): WholeOrders | undefined {
    const told = ordersFor(this.state, chunk);
    if (told === undefined) return undefined;
    this.state = told.state;
    return told.orders;
  }

  private become(state: BatchState): void {
    this.state = state;
    this.wake();
  }

  private hearModels(models: ModelTable): void {
    if (sameModels(models, this.state.models)) return;
    this.state = { ...this.state, models };
    this.planAnew();
  }

  private planAnew(): void {
    this.plan();
    this.children.tellAll();
    this.wake();
  }

  private plan(): void {
    this.plannedAt = Date.now();
    this.state = planShares(this.state, this.plannedAt);
  }

  private fail(error: unknown): void {
    this.crash ??= { error };
    this.wake();
  }

  private wake(): void {
    this.changed = true;
  }
}
