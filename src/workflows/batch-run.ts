import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  makeContinueAsNewFunc,
  setCurrentDetails,
} from '@temporalio/workflow';

import { awayDeadline, lacksEndpoint, needsOf, whileNeeded, withFacts } from '../batch/away.js';
import { applyReport, type BatchState, endChunk, withNews } from '../batch/batch-state.js';
import { freeTokens, isOverLimit } from '../batch/budget.js';
import { applyChange, type RunChange } from '../batch/change.js';
import type { ChunkReport } from '../batch/chunk-messages.js';
import { describeProgress } from '../batch/describe-progress.js';
import type { Listing } from '../batch/endpoint-rules.js';
import { readReport } from '../batch/message-schemas.js';
import type { Model } from '../batch/models.js';
import { isCanaryDone, type PauseCause, pauseRun, resumeRun, reviewCanary } from '../batch/pausing.js';
import { grantTo, ordersFor, planPermits } from '../batch/permits.js';
import type { Progress, RunState } from '../batch/progress.js';
import { nextRestart, type Restart } from '../batch/restart.js';
import type { BatchInput } from '../batch/run.js';
import { progressOf, sampleSpeed } from '../batch/run-view.js';
import { applyList } from '../batch/targets.js';
import { ChunkChildren } from './chunk-children.js';
import { readEndpoint } from './endpoint-facts.js';
import { currentVersion, hasNewVersion, isHistoryFull, timerSummary } from './history.js';
import { ModelsWatch } from './models-watch.js';
import { NextChunks } from './next-chunks.js';
import { Notices } from './notices.js';
import { PausedEnd } from './run-failure.js';
import { RunLimits } from './run-limits.js';
import { indexRun } from './search-attributes.js';

/** Heartbeat time-out of a pack if the caller gives none, ms: each recorded heartbeat is a billed action. */
const HEARTBEAT_TIMEOUT_MS = 90_000;

/** The argument of `batchWorkflow`; `carried` is set if the run goes on in a new history, `restart` if it does so anew. */
export type CarriedBatchInput = BatchInput & { readonly carried?: BatchState; readonly restart?: Restart };

/** Drives a run's chunks: owns the permits and limits, applies the chunks' reports, keeps the targets and the progress. */
export class BatchRun {
  private changed = false;
  private crash: { readonly error: unknown } | undefined;
  private readonly next: NextChunks;
  private readonly children = new ChunkChildren({
    orders: (chunk) => ordersFor(this.state, chunk),
    ended: (chunk, result) => this.become(endChunk(this.state, chunk, result)),
    failed: (error) => this.fail(error),
    // Only so many chunks are started in one go: now the next may be.
    started: () => this.wake(),
  });
  private readonly modelsWatch = new ModelsWatch(
    () => this.listing({}),
    (list) => this.applyModels(list),
    () => this.state.paused,
  );
  private readonly limits: RunLimits;
  private readonly notices: Notices | undefined;
  private phase: RunState = 'running';
  private reason: string | undefined;

  constructor(
    private readonly run: string,
    private readonly input: CarriedBatchInput,
    private state: BatchState,
  ) {
    const { heartbeatTimeoutMs = HEARTBEAT_TIMEOUT_MS, retryFailed = false, notify, webhook } = input;
    this.next = new NextChunks({ run, heartbeatTimeoutMs, retryFailed }, (reason) => this.note(reason));
    const isNotified = notify !== undefined || webhook !== undefined;
    this.notices = isNotified ? new Notices(run, input, (text) => this.note(text)) : undefined;
    this.limits = new RunLimits({
      id: run,
      state: () => this.state,
      become: (next) => this.become(next),
      notify: (chunk) => this.children.notify(chunk),
      pause: (cause) => this.pause(cause),
    });
  }

  /** Returns the run as the query gives it. */
  progress(): Progress {
    const progress = progressOf(this.state, this.phase, Date.now());
    return this.reason === undefined ? progress : { ...progress, reason: this.reason };
  }

  /** Returns the state once all chunks have ended, or none will any more. */
  async finished(): Promise<BatchState> {
    this.phase = 'finishing';
    this.index(this.phase);
    await this.limits.read();
    return this.state;
  }

  /**
   * Goes on in a new history with what storage has: what was lost is asked again. Returns if the run may not: it has met
   * damage too often, or its canary is not over, which would not be looked at any more.
   */
  async goOnAnew(damage: string): Promise<void> {
    const { canary, notes, options } = this.state;
    const restart = nextRestart(this.input.restart, { damage, notes, options });
    if (restart === undefined || (canary !== undefined && canary.phase !== 'passed')) return;
    // It was finishing, and nobody could have resumed it.
    this.phase = 'running';
    await condition(() => !this.state.paused && allHandlersFinished() && !this.limits.isReading);
    const { carried: _over, ...input } = this.input;
    await continueAsNew<(input: CarriedBatchInput) => Promise<unknown>>({ ...input, restart });
  }

  /** Shows what a run that is finishing waits for. */
  finishing(reason: string): void {
    this.reason = reason;
    this.show();
  }

  /** The number of chunks of the input. */
  get chunkCount(): number {
    return this.state.manifest.chunks;
  }

  /** Marks the run as ended; `reason` is given if it did not end well. */
  end(phase: 'completed' | 'failed' | 'cancelled', reason?: string): void {
    this.phase = phase;
    this.reason = reason;
    this.index(phase);
  }

  /** True while the run can be steered. */
  get isRunning(): boolean {
    return this.phase === 'running';
  }

  /** Stops giving out work, or ends the run if it may not wait for a person. */
  pause(cause: PauseCause): void {
    if (this.input.onPause === 'fail' && cause.pausedBy !== 'operator') this.fail(new PausedEnd(cause));
    this.becomePaused(pauseRun(this.state, cause));
    this.children.notifyAll();
    this.wake();
  }

  /** Gives out work again. */
  resume(): void {
    this.state = resumeRun(this.state, Date.now());
    this.children.notifyAll();
    this.wake();
  }

  /** What decides whose models the run may ask, after a change. */
  listing({ model }: RunChange): Listing {
    const { endpoints, model: before, api, maxCost, prefer } = this.state.options;
    return { endpoints, api, maxCost, prefer, model: model === undefined ? before : (model ?? undefined) };
  }

  /** Changes the run's options; `list` are the endpoint's models, for a change of the model. */
  change(change: RunChange, list: readonly Model[]): void {
    this.state = whileNeeded(applyChange(this.state, change, list));
    // A run that paused for a limit goes on if there is something to spend again; else it pauses anew.
    if (this.state.pausedBy === 'budget') this.resume();
    this.children.notifyAll();
    this.wake();
  }

  /** Adds a sentence to the notes of the run. */
  note(text: string): void {
    this.become(withNews(this.state, { lastFailures: [], notes: [text] }));
    // What is shown of a run that has ended is its summary.
    if (this.phase === 'running' || this.phase === 'finishing') this.show();
  }

  /** Applies a chunk's report; what cannot be one is ignored. */
  receiveReport(message: unknown): void {
    const received = readReport(this.state, message);
    if ('value' in received) this.applyReport(received.value);
    else log.warn(`a chunk's report is ignored: ${received.problem}`);
  }

  private applyReport(report: ChunkReport): void {
    const { targets } = this.state;
    this.state = applyReport(this.state, report);
    const { stop } = report;
    if (this.state.targets.some((target, at) => target.strikes > (targets[at]?.strikes ?? 0))) this.modelsWatch.want();
    if (stop?.type === 'Unauthorized' || stop?.type === 'WrongEndpoint') {
      this.fail(ApplicationFailure.nonRetryable(stop.message, stop.type));
    } else if (stop !== undefined) this.limits.stopped(report.chunk, stop);
    this.wake();
  }

  /** Runs every chunk to its end. Throws as soon as one fails; the others are then cancelled and keep what they have. */
  async runChunks(): Promise<void> {
    try {
      await CancellationScope.cancellable(async () => {
        await this.waitForEndpoint();
        // Some of its endpoints have not given their lists yet.
        if (lacksEndpoint(this.state)) this.modelsWatch.want();
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

  /** Waits until the endpoint has given what the run needs before its first request. Throws after `maxWaitSecs`. */
  private async waitForEndpoint(): Promise<void> {
    while (this.state.away !== undefined) {
      this.changed = false;
      const { away, paused } = this.state;
      const now = Date.now();
      const deadline = awayDeadline(this.state, away);
      if (isHistoryFull()) await this.continueWhenYielded();
      if (!paused && now >= deadline)
        throw ApplicationFailure.create({ message: away.text, type: 'EndpointUnavailable' });
      if (!paused && now >= away.until) {
        const facts = await readEndpoint(needsOf(this.state));
        this.state = withFacts(this.state, facts, Date.now());
        continue;
      }
      this.show();
      const wait = paused ? undefined : Math.min(away.until, deadline) - now;
      await this.untilChanged(wait, `the endpoint cannot be asked: ${away.text}`);
    }
  }

  /** The loop of a run: each time something has changed, it gives out what is free, until every chunk has ended. */
  private async loop(): Promise<void> {
    while (this.state.doneChunks < this.state.manifest.chunks) {
      this.changed = false;
      if (isHistoryFull() || this.state.isFull === true || hasNewVersion(this.state)) await this.continueWhenYielded();
      else {
        await this.next.read(this.state);
        this.limits.allow();
        await this.reviewCanary();
        this.grantPermits();
      }
      this.state = sampleSpeed(this.state, this.progress(), Date.now());
      this.show();
      await this.untilChanged();
    }
  }

  /** Shows the progress in the Web UI, and announces what another workflow is to be notified of. */
  private show(): void {
    const progress = this.progress();
    setCurrentDetails(describeProgress(this.run, progress));
    this.index(progress.state);
    this.notices?.update(progress, Date.now(), this.state.pausedAt);
  }

  /** Waits until something has changed, `ms` at most. Throws what ends the run. */
  private async untilChanged(ms?: number, summary = ''): Promise<void> {
    if (ms === undefined) await condition(() => this.changed);
    else await condition(() => this.changed, Math.max(1, ms), { summary: timerSummary(summary) });
    if (this.crash !== undefined) throw this.crash.error;
  }

  /** Makes the chunks yield; once all have, passes the state on to a fresh history. */
  private async continueWhenYielded(): Promise<void> {
    if (this.state.isFull !== true) {
      this.state = { ...this.state, isFull: true };
      this.children.notifyAll();
    }
    if (Object.keys(this.state.running).length > 0) return;
    await condition(() => allHandlersFinished() && !this.limits.isReading);
    const { isFull: _here, ...state } = this.state;
    const isOlder = hasNewVersion(state);
    const version = currentVersion();
    const next = makeContinueAsNewFunc<(input: CarriedBatchInput) => Promise<unknown>>(
      isOlder ? { initialVersioningBehavior: 'AUTO_UPGRADE' } : {},
    );
    const moved = isOlder && version !== undefined ? { movedFrom: version } : {};
    await next({ ...this.input, carried: { ...state, ...moved } });
  }

  private async reviewCanary(): Promise<void> {
    if (!isCanaryDone(this.state)) return;
    // Whoever reviews the canary wants to know what it has cost.
    await this.limits.read();
    if (isCanaryDone(this.state)) this.pauseForReview();
  }

  private pauseForReview(): void {
    this.becomePaused(reviewCanary(this.state));
    this.children.notifyAll();
  }

  private becomePaused(state: BatchState): void {
    const { paused, pausedFor, pausedAt } = this.state;
    const isSame = paused && pausedFor === state.pausedFor;
    this.state = { ...state, pausedAt: (isSame ? pausedAt : undefined) ?? Date.now() };
  }

  private grantPermits(): void {
    if (isOverLimit(this.state)) return;
    const next = freeTokens(this.state) === 0 ? [] : this.next.items(this.state);
    const plan = planPermits(this.state, next);
    for (const { chunk, permits } of plan.grants) {
      this.state = grantTo(this.state, chunk, permits);
      this.children.notify(chunk);
    }
    for (const permits of plan.starts) {
      const start = this.next.start(this.state, permits);
      if (start === undefined) break;
      this.state = start.state;
      this.children.start(start.input);
    }
    // The page of the manifest may have ended before the permits did.
    if (next.length > 0 && plan.starts.length >= next.length) this.wake();
  }

  private index(state: RunState): void {
    indexRun(this.input, { state, model: this.state.options.model });
  }

  private become(state: BatchState): void {
    this.state = state;
    this.wake();
  }

  private applyModels(list: readonly Model[]): void {
    const targets = applyList(this.state.targets, list);
    if (JSON.stringify(targets) === JSON.stringify(this.state.targets)) return;
    this.become({ ...this.state, targets });
    this.children.notifyAll();
  }

  private fail(error: unknown): void {
    this.crash ??= { error };
    this.wake();
  }

  private wake(): void {
    this.changed = true;
  }
}
