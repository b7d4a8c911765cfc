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
import { type BatchState, endChunk, hearReport, itemsToAsk, planShares } from '../batch/batch-state.js';
import { freeTokens, grantAllowances } from '../batch/budget.js';
import { canaryItems, endCanaryChunk, isCanary, isLastOfCanary } from '../batch/canary.js';
import { applyChange, type RunChange } from '../batch/change.js';
import { type ChunkStart, type RunFacts, startOfCanary, startOfChunk } from '../batch/chunk-start.js';
import type { RunStop } from '../batch/chunk-state.js';
import type { Counts } from '../batch/counts.js';
import { describeProgress } from '../batch/describe-progress.js';
import { eventsOfAChunk } from '../batch/history-room.js';
import { type ModelTable, refreshModels, sameModels } from '../batch/model-table.js';
import type { Model } from '../batch/models.js';
import {
  isOutdated,
  noBalance,
  outOfBudget,
  outOfCredits,
  type PauseCause,
  pauseRun,
  resumeRun,
} from '../batch/pausing.js';
import type { Progress, RunState } from '../batch/progress.js';
import type { ChunkInput, ChunkReport } from '../batch/reports.js';
import type { BatchInput } from '../batch/run.js';
import { lookAtSpeed, progressOf } from '../batch/run-view.js';
import { ChunkChildren } from './chunk-children.js';
import { ChunkPages } from './chunk-pages.js';
import { CreditsWatch } from './credits-watch.js';
import { roomInHistory } from './history-length.js';
import { ModelsWatch } from './models-watch.js';
import type { WholeOrders } from './orders.js';

/** Heartbeat time-out of a pack where the caller says nothing, ms: each recorded heartbeat is a billed action. */
const HEARTBEAT_TIMEOUT_MS = 60_000;

/** The argument of `batchWorkflow`; `carried` is set when the run continues as new. */
export type CarriedBatchInput = BatchInput & { readonly carried?: BatchState };

/** Drives a run's chunks: owns the lanes, hears the chunks, keeps the models and the progress. */
export class BatchRun {
  private changed = false;
  private crash: { readonly error: unknown } | undefined;
  private readonly pages: ChunkPages;
  private readonly children = new ChunkChildren({
    orders: (chunk) => this.orders(chunk),
    ended: (input, counts) => this.ended(input, counts),
    failed: (error) => this.fail(error),
    // Only so many chunks are started in one go: now the next may be.
    changed: () => {
      this.changed = true;
    },
  });
  private readonly facts: RunFacts;
  private readonly modelsWatch = new ModelsWatch(
    (list) => this.hearModels(refreshModels(this.state.models, list)),
    () => this.state.paused,
  );
  private readonly creditsWatch = new CreditsWatch(
    () => this.state,
    (credits) => this.become({ ...this.state, credits }),
    () => this.hearNoBalance(),
  );
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
    this.facts = { run, heartbeatTimeoutMs, recover, retryFailed };
    this.pages = new ChunkPages(run, state.manifest.chunks);
  }

  /** The run as the query gives it. */
  progress(): Progress {
    const progress = progressOf(this.state, this.phase, Date.now());
    return this.reason === undefined ? progress : { ...progress, reason: this.reason };
  }

  /** The state when all chunks have ended, or none will any more. */
  async finished(): Promise<BatchState> {
    this.phase = 'finishing';
    await this.lookAtCredits();
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
    this.changed = true;
  }

  /** Goes on. */
  resume(): void {
    this.state = resumeRun(this.state, Date.now());
    this.children.tellAll();
    this.changed = true;
  }

  /** Goes on otherwise; `list` are the endpoint's models, for a change of the model. */
  change(change: RunChange, list: readonly Model[]): void {
    this.plannedAt = Date.now();
    this.state = applyChange(this.state, change, list, this.plannedAt);
    // What paused for a limit goes on when there is room again; else it pauses anew.
    if (this.state.pausedBy === 'budget') this.resume();
    this.children.tellAll();
    this.changed = true;
  }

  /** Hears a chunk. */
  hear(report: ChunkReport): void {
    const { models } = this.state;
    this.state = hearReport(this.state, report);
    if (report.models !== undefined) this.modelsWatch.want();
    if (this.state.models !== models) this.planAnew();
    if (report.stop?.type === 'PaymentRequired') this.hearOutOfCredits(report.chunk, report.stop);
    if (report.stop?.type === 'Unauthorized') {
      this.crash ??= { error: ApplicationFailure.nonRetryable(report.stop.message, 'Unauthorized') };
    }
    this.changed = true;
  }

  private hearOutOfCredits(chunk: number, stop: RunStop): void {
    if (this.state.paused) return;
    if (isOutdated(this.state, stop)) this.children.tell(chunk);
    else this.pause(outOfCredits(this.run, stop));
  }

  private hearNoBalance(): void {
    const cause = this.state.paused ? undefined : noBalance(this.run, this.state);
    if (cause !== undefined) this.pause(cause);
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
      const drained = Object.keys(this.state.running).length === 0;
      if (drained && this.roomForChunks() < 1) await this.handOver();
      if (!isCanary(this.state)) await this.pages.turn(this.state.nextChunk);
      this.state = { ...this.state, isFull: this.roomForChunks() < 1 };
      this.dispatch();
      this.state = lookAtSpeed(this.state, this.progress(), Date.now());
      setCurrentDetails(describeProgress(this.run, this.progress()));
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
    await condition(() => allHandlersFinished() && !this.creditsWatch.isLooking);
    const carried: CarriedBatchInput = { ...this.input, carried: this.state };
    await continueAsNew<(input: CarriedBatchInput) => Promise<unknown>>(carried);
  }

  private dispatch(): void {
    const now = Date.now();
    if (this.state.models.some(({ downUntil }) => downUntil > this.plannedAt && downUntil <= now)) this.plan();
    this.allow();
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

  /** Keeps the run within its limits: allows more to chunks that are short, or pauses when nothing is left to allow. */
  private allow(): void {
    this.creditsWatch.want();
    if (this.state.paused) return;
    const { state, chunks } = grantAllowances(this.state);
    this.state = state;
    for (const chunk of chunks) this.children.tell(chunk);
    const cause = this.creditsWatch.isLooking ? undefined : outOfBudget(this.run, this.state);
    if (cause !== undefined) this.pause(cause);
  }

  /** Items of the chunks that may be started now. None when there is no room in the history, so that what runs can end. */
  private nextToStart(): readonly number[] {
    if (freeTokens(this.state) === 0) return [];
    const next = isCanary(this.state) ? canaryItems(this.state) : this.pages.next.map(itemsToAsk);
    return next.slice(0, this.roomForChunks());
  }

  private startNext(lanes: number): void {
    const start = isCanary(this.state) ? startOfCanary(this.state, lanes, this.facts) : this.startOfNext(lanes);
    if (start === undefined) return;
    this.state = start.state;
    this.children.start(start.input);
  }

  private startOfNext(lanes: number): ChunkStart | undefined {
    const chunk = this.pages.take();
    return chunk === undefined ? undefined : startOfChunk(this.state, chunk, lanes, this.facts);
  }

  private async ended({ chunk: { chunk }, only }: ChunkInput, counts: Counts): Promise<void> {
    if (only === undefined) this.become(endChunk(this.state, chunk, counts));
    else await this.endCanary(chunk, counts);
  }

  private async endCanary(chunk: number, counts: Counts): Promise<void> {
    // Whoever looks at the canary wants to know what it has cost.
    if (isLastOfCanary(this.state, chunk)) await this.lookAtCredits();
    this.become(endCanaryChunk(this.state, chunk, counts));
  }

  /** Reads the balance where it can be had; where not, nothing waits for it. */
  private async lookAtCredits(): Promise<void> {
    await this.creditsWatch.look(false).catch(() => undefined);
  }

  private orders(chunk: number): WholeOrders | undefined {
    const told = ordersFor(this.state, chunk);
    if (told === undefined) return undefined;
    this.state = told.state;
    return told.orders;
  }

  private become(state: BatchState): void {
    this.state = state;
    this.changed = true;
  }

  private hearModels(models: ModelTable): void {
    if (sameModels(models, this.state.models)) return;
    this.state = { ...this.state, models };
    this.planAnew();
  }

  private planAnew(): void {
    this.plan();
    this.children.tellAll();
    this.changed = true;
  }

  private plan(): void {
    this.plannedAt = Date.now();
    this.state = planShares(this.state, this.plannedAt);
  }

  private fail(error: unknown): void {
    this.crash ??= { error };
    this.changed = true;
  }
}
