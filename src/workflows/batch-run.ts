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
import { currentPackSize, grantTo, ordersFor, outdatedChunks, planLanes } from '../batch/batch-lanes.js';
import {
  type BatchState,
  type ChunkBegin,
  endChunk,
  hearReport,
  itemsLeft,
  itemsToAsk,
  type PausedBy,
  planShares,
  startNextChunk,
} from '../batch/batch-state.js';
import {
  exhaustedReason,
  firstAllowance,
  freeTokens,
  grantAllowances,
  isExhausted,
  itemTokens,
} from '../batch/budget.js';
import {
  canaryItems,
  endCanaryChunk,
  isCanary,
  isLastOfCanary,
  leaveCanary,
  passCanary,
  startCanaryChunk,
} from '../batch/canary.js';
import { applyChange, type RunChange } from '../batch/change.js';
import type { RunStop } from '../batch/chunk-state.js';
import type { Counts } from '../batch/counts.js';
import { describeProgress } from '../batch/describe-progress.js';
import { eventsOfAChunk } from '../batch/history-room.js';
import { decodeItems } from '../batch/item-ranges.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { type ModelTable, refreshModels, sameModels } from '../batch/model-table.js';
import type { Model } from '../batch/models.js';
import type { Progress, RunState } from '../batch/progress.js';
import type { ChunkInput, ChunkReport } from '../batch/reports.js';
import type { BatchInput } from '../batch/run.js';
import { lookAtSpeed, progressOf } from '../batch/run-view.js';
import { steps } from './activities.js';
import { chunkWorkflow } from './chunk.js';
import { CreditsWatch } from './credits-watch.js';
import { roomInHistory } from './history-length.js';
import { ModelsWatch } from './models-watch.js';
import { OrderLines, type WholeOrders } from './orders.js';

/** Heartbeat time-out of a pack where the caller says nothing, ms: each recorded heartbeat is a billed action. */
const HEARTBEAT_TIMEOUT_MS = 60_000;

/** The argument of `batchWorkflow`; `carried` is set when the run continues as new. */
export type CarriedBatchInput = BatchInput & { readonly carried?: BatchState };

/** What starts a chunk beside what every chunk is given. */
type ChunkStart = Pick<ChunkInput, 'chunk' | 'shares' | 'recover' | 'only'>;

/** Drives a run's chunks: owns the lanes, hears the chunks, keeps the models and the progress. */
export class BatchRun {
  private changed = false;
  private crash: { readonly error: unknown } | undefined;
  private page: readonly ChunkManifest[] = [];
  private readonly lines = new OrderLines((chunk) => this.orders(chunk));
  private readonly chunks = new CancellationScope();
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
  ) {}

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
  pause(pausedBy: PausedBy, pausedFor: string): void {
    this.state = { ...this.state, paused: true, pausedBy, pausedFor };
    this.lines.tellAll();
    this.changed = true;
  }

  /** Goes on. */
  resume(): void {
    const { pausedFor: _why, pausedBy: _who, ...state } = this.state;
    this.state = passCanary({ ...state, paused: false, resumedAt: Date.now() });
    this.lines.tellAll();
    this.changed = true;
  }

  /** Goes on otherwise; `list` are the endpoint's models, for a change of the model. */
  change(change: RunChange, list: readonly Model[]): void {
    this.plannedAt = Date.now();
    this.state = applyChange(this.state, change, list, this.plannedAt);
    // What paused for a limit goes on when there is room again; else it pauses anew.
    if (this.state.pausedBy === 'budget') this.resume();
    this.lines.tellAll();
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

  private hearOutOfCredits(chunk: number, { message, askedAt }: RunStop): void {
    const { paused, resumedAt = 0 } = this.state;
    if (paused) return;
    // What was asked before the run was resumed says nothing of the credits since: the chunk may go on.
    if (askedAt < resumedAt) this.lines.tell(chunk);
    else this.pause('credits', `${message}; add credits, then: dria-temporal resume ${this.run}`);
  }

  /** Within what was allowed the run goes on without knowing the balance; then it waits. */
  private hearNoBalance(): void {
    if (this.state.paused || !isExhausted(this.state)) return;
    this.pause('budget', `the balance cannot be read; to try again: dria-temporal resume ${this.run}`);
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

  private async turnPage(): Promise<void> {
    const { nextChunk, manifest } = this.state;
    this.page = this.page.filter(({ chunk }) => chunk >= nextChunk);
    if (isCanary(this.state) || this.page.length > 0 || nextChunk >= manifest.chunks) return;
    this.page = (await steps.readChunks({ run: this.run, from: nextChunk })).chunks;
  }

  private dispatch(): void {
    const now = Date.now();
    if (this.state.models.some(({ downUntil }) => downUntil > this.plannedAt && downUntil <= now)) this.plan();
    this.allow();
    const next = this.nextToStart();
    const plan = planLanes(this.state, next);
    for (const { chunk, lanes } of plan.grants) {
      this.state = grantTo(this.state, chunk, lanes);
      this.lines.tell(chunk);
    }
    for (const lanes of plan.starts) this.startNext(lanes);
    if (plan.starts.length >= next.length && next.length > 0) this.changed = true;
    for (const chunk of outdatedChunks(this.state)) this.lines.tell(chunk);
  }

  /** Keeps the run within its limits: allows more to chunks that are short, or pauses when nothing is left to allow. */
  private allow(): void {
    this.creditsWatch.want();
    if (this.state.paused) return;
    const { state, chunks } = grantAllowances(this.state);
    this.state = state;
    for (const chunk of chunks) this.lines.tell(chunk);
    if (isExhausted(this.state) && !this.creditsWatch.isLooking) {
      this.pause('budget', exhaustedReason(this.run, this.state));
    }
  }

  /** Items of the chunks that may be started now. None when there is no room in the history, so that what runs can end. */
  private nextToStart(): readonly number[] {
    if (freeTokens(this.state) === 0) return [];
    const next = isCanary(this.state) ? canaryItems(this.state) : this.page.map(itemsToAsk);
    return next.slice(0, this.roomForChunks());
  }

  private startNext(lanes: number): void {
    if (isCanary(this.state)) this.startCanary(lanes);
    else this.startChunk(lanes);
  }

  private startChunk(lanes: number): void {
    const [chunk, ...page] = this.page;
    if (chunk === undefined) return;
    this.page = page;
    const left = leaveCanary(this.state, chunk.chunk);
    const started = startNextChunk(left.state, chunk, this.begin(lanes, itemsToAsk(chunk)));
    this.state = started.state;
    this.start({ chunk, shares: started.shares, recover: left.found || this.input.recover === true });
  }

  private startCanary(lanes: number): void {
    const [items = 0] = canaryItems(this.state);
    const next = startCanaryChunk(this.state, this.begin(lanes, items));
    if (next === undefined) return;
    const { chunk, items: only } = next.started;
    this.state = next.state;
    this.start({ chunk, shares: next.shares, recover: false, only });
  }

  private begin(lanes: number, open: number): ChunkBegin {
    const allowance = firstAllowance(this.state);
    const toldSize = currentPackSize(this.state);
    return { lanes, open, toldSize, ...(allowance === undefined ? {} : { allowance }) };
  }

  private start(start: ChunkStart): void {
    const { options, revision, models, latency, running } = this.state;
    const { open = 0, granted = 0, allowance } = running[start.chunk.chunk] ?? {};
    const input: ChunkInput = {
      ...start,
      run: this.run,
      options,
      revision,
      heartbeatTimeoutMs: this.input.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT_MS,
      lanes: granted,
      leftElsewhere: Math.max(0, itemsLeft(this.state) - open),
      models,
      latency,
      retryFailed: this.input.retryFailed === true,
      tokensPerItem: itemTokens(this.state),
      ...(allowance === undefined ? {} : { allowance }),
    };
    this.chunks.run(() => this.follow(input)).catch((error: unknown) => this.fail(error));
  }

  private async follow(input: ChunkInput): Promise<void> {
    const { chunk, only, models, options } = input;
    const number = chunk.chunk;
    // A place among the lines before the child has started: a cancelled run waits for it too.
    this.lines.expect(number);
    try {
      const child = await startChild(chunkWorkflow, {
        workflowId: `${workflowInfo().workflowId}/${only === undefined ? 'chunk' : 'canary'}-${number}`,
        args: [input],
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: describeChunk(input),
      });
      this.lines.open(number, child, { models, options });
      // Only so many chunks are started in one go: now the next may be.
      this.changed = true;
      const { counts } = await child.result();
      if (only === undefined) this.become(endChunk(this.state, number, counts));
      else await this.endCanary(number, counts);
    } finally {
      this.lines.close(number);
      this.changed = true;
    }
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
    this.lines.tellAll();
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

/** A chunk in words for the Web UI. */
function describeChunk({ chunk, only }: ChunkInput): string {
  if (only === undefined) return `Chunk ${chunk.chunk}: items #${chunk.first} and on`;
  return `Canary: ${decodeItems(only).length} of the items of chunk ${chunk.chunk}`;
}
