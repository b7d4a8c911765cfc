import { condition, continueAsNew, getExternalWorkflowHandle, log, sleep, workflowInfo } from '@temporalio/workflow';
import type { ChunkInput, ChunkOrders, ChunkReport, ChunkResult } from '../batch/chunk-messages.js';
import { reportOf, urgencyOf } from '../batch/chunk-report.js';
import {
  addChunkNote,
  type ChunkState,
  type CutContext,
  cutPack,
  nothingOpen,
  openHeld,
  type Pack,
  reserveOf,
  startChunk,
  targetsFor,
  tokensLeft,
} from '../batch/chunk-state.js';
import { addCounts } from '../batch/counts.js';
import { inferInput } from '../batch/infer-input.js';
import { inInputOrder, inOrder } from '../batch/item-order.js';
import { readOrders } from '../batch/message-schemas.js';
import { countOpen, dueBy, nextRetryAt } from '../batch/open-items.js';
import { MAX_PENDING } from '../batch/packs.js';
import {
  findHopeless,
  findWaiting,
  type HopelessItems,
  losePack,
  settleFailure,
  settleHopeless,
  settlePack,
  waitOf,
  withdrawPack,
} from '../batch/settle-pack.js';
import { adoptTargets, reopenTargets } from '../batch/targets.js';
import { steps } from './activities.js';
import { isHistoryFull, timerSummary } from './history.js';
import { insist } from './insist.js';
import { LatestSender } from './latest-sender.js';
import { chunkReportSignal } from './messages.js';
import { type PackEnd, RunningPacks } from './running-packs.js';

/** Permits are kept for items that may be asked again within this time, ms, instead of going to the parent and back. */
const KEEP_PERMITS_MS = 2_000;

/** Drives one chunk: cuts packs for its permits and applies what becomes of them, until every item has an outcome. */
export class ChunkRun {
  private state: ChunkState;
  private orders: ChunkOrders;
  private readonly packs = new RunningPacks();
  private readonly reports: LatestSender;
  /** Permits that the parent granted before the newest revision: they go back as the packs that hold them end. */
  private recalled = 0;
  /** Items at the beginning of this history. */
  private readonly items: number;
  private sentUrgency: string;
  private changed = false;
  /** Times at which a timer fires, epoch ms. */
  private readonly timers = new Set<number>();
  private crash: { readonly error: unknown } | undefined;

  constructor(private readonly input: ChunkInput) {
    const { chunk, offset, canary, orders } = input;
    this.orders = orders;
    this.state = input.carried ?? startChunk({ chunk, offset, canary, targets: orders.targets });
    this.items = countOpen(this.state.open);
    this.sentUrgency = this.urgency(this.report());
    const parent = getExternalWorkflowHandle(workflowInfo().parent?.workflowId ?? input.run);
    this.reports = new LatestSender(() => parent.signal(chunkReportSignal, this.report()), 'report');
  }

  /** Applies the parent's newest orders; what cannot be some is ignored. */
  receiveOrders(message: unknown): void {
    const received = readOrders(message);
    if ('value' in received) this.applyOrders(received.value);
    else log.warn(`orders are ignored: ${received.problem}`);
  }

  private applyOrders(orders: ChunkOrders): void {
    const isNew = orders.revision > this.orders.revision;
    const wasPaused = this.orders.paused;
    this.orders = orders;
    // A new choice of targets is not bound by what was seen of the old ones.
    const targets = adoptTargets(this.state.targets, orders.targets);
    this.state = { ...this.state, targets };
    if (isNew) this.recalled = orders.granted;
    if (isNew || orders.paused || orders.yielding) this.packs.withdraw();
    if (!orders.paused) this.forgetStop(wasPaused);
    if (orders.isCanaryPassed) this.state = openHeld(this.state, this.input.chunk, this.input.offset);
    this.wake();
  }

  /** Runs the chunk until its part is written, or until it is asked to yield. */
  async run(): Promise<ChunkResult> {
    const { run, chunk } = this.input;
    const part = await this.recover();
    if (part !== undefined) return part;
    await this.work();
    const { counts, reopened, lastFailures, notes } = this.state;
    const news = { lastFailures, notes };
    // Its order is read again: as ranges it may be long, and the parent holds those of all its chunks.
    if (!this.isDone()) return { counts, news, unfinished: { ...inInputOrder(this.state), returned: 0 } };
    const { detail } = this.orders.options;
    const writing = { run, chunk, detail, counts, ...(reopened ? { replace: true } : {}) };
    return { ...(await this.insist(() => steps.writePart(writing))), news };
  }

  /**
   * Takes over what an earlier execution of the run, or of its history before a reset, has done of the chunk. Returns its
   * part if that is written.
   */
  private async recover(): Promise<ChunkResult | undefined> {
    const { run, chunk, retryFailed, carried } = this.input;
    if (workflowInfo().continuedFromExecutionRunId !== undefined || carried?.reopened === true) return undefined;
    const recovering = (retry: boolean) => this.insist(() => steps.recoverChunk({ run, chunk, retryFailed: retry }));
    // Its state is known, but after a reset of the run its part may be there already.
    if (carried !== undefined) {
      const { part, order } = await recovering(false);
      this.state = inOrder(this.state, order);
      return part;
    }
    const { part, items, counts, reopened = false, order } = await recovering(retryFailed);
    if (part !== undefined) return part;
    const begun = startChunk({ ...this.input, targets: this.state.targets, done: items });
    this.state = inOrder({ ...begun, counts: addCounts(begun.counts, counts), reopened }, order);
    return undefined;
  }

  /** Waits until no pack of a cancelled chunk is running, and sends the parent the last counts. */
  async drain(): Promise<void> {
    await condition(() => this.packs.size === 0);
    this.reports.notify();
    await this.reports.idle();
  }

  /** Does a step; the parent shows why it fails again and again. */
  private insist<T>(step: () => Promise<T>): Promise<T> {
    return insist(step, (reason) => {
      this.state = addChunkNote(this.state, `chunk ${this.input.chunk.chunk}: ${reason}`);
      this.reports.notify();
    });
  }

  private async work(): Promise<void> {
    while (true) {
      this.changed = false;
      if (isHistoryFull()) await this.handOver();
      if (this.orders.yielding && this.packs.size === 0) break;
      if (this.state.stop === undefined) await this.failItems(findHopeless(this.state));
      this.launch();
      await this.waitForTargets();
      if (this.isDone()) break;
      this.returnPermits();
      this.reportIfDue();
      await condition(() => this.changed);
      if (this.crash !== undefined) throw this.crash.error;
    }
    await this.reports.idle();
  }

  private isDone(): boolean {
    return this.packs.size === 0 && nothingOpen(this.state) && this.state.held === '';
  }

  /** Cuts packs while there are permits, items and targets for them. */
  private launch(): void {
    const now = Date.now();
    const reserve = reserveOf(this.freePermits(), this.orders.options.concurrency);
    while (this.mayCut()) {
      const { pack, state } = cutPack(this.state, this.cutContext(reserve, now));
      this.state = state;
      if (pack === undefined) return;
      this.start(pack);
    }
  }

  private mayCut(): boolean {
    const { paused, yielding, allowance } = this.orders;
    if (paused || yielding || this.state.stop !== undefined) return false;
    if (this.freePermits() <= 0 || this.packs.size >= MAX_PENDING) return false;
    // Packs from before a limit have no share of it: what they spend shows when they end, and they were taken back.
    return allowance === undefined || !this.packs.isUnlimited;
  }

  private cutContext(reserve: number, now: number): CutContext {
    return { ...this.orders, free: this.freePermits(), permits: this.permits(), reserve, now };
  }

  /** Permits that may be used, in packs or free. */
  private permits(): number {
    return this.freePermits() + this.packs.permits(this.orders.revision);
  }

  /** Permits that may be used now: granted since the newest revision, not returned and in no pack. */
  private freePermits(): number {
    const { granted, revision } = this.orders;
    return granted - Math.max(this.state.returned, this.recalled) - this.packs.permits(revision);
  }

  private start(pack: Pack): void {
    const { run, chunk, heartbeatTimeoutMs } = this.input;
    const { options, revision } = this.orders;
    const startedAt = Date.now();
    const activityId = `pack-${this.state.nextPack - 1}`;
    const input = inferInput({ run, chunk: chunk.chunk, isAnswered: this.isAnswered() }, pack, options);
    this.packs
      .run({ input, pack, activityId, heartbeatTimeoutMs }, revision, (end) => {
        this.state = this.settled(pack, end, startedAt);
      })
      .catch((error: unknown) => {
        this.crash = { error };
      })
      .finally(() => this.wake());
  }

  private settled(pack: Pack, end: PackEnd, startedAt: number): ChunkState {
    const now = Date.now();
    switch (end.kind) {
      case 'done':
        return settlePack(this.state, pack, end.result, now);
      case 'failed':
        return settleFailure(this.state, pack, end.failure, { now, startedAt, isAnswered: this.isAnswered() });
      case 'lost':
        return losePack(this.state, pack);
      case 'withdrawn':
        return withdrawPack(this.state, pack);
    }
  }

  /** Plans the next moment at which something can be asked, and gives items up whose wait has been too long. */
  private async waitForTargets(): Promise<void> {
    const now = Date.now();
    const { paused, yielding, options } = this.orders;
    const wait = this.packs.size > 0 || paused || yielding ? undefined : waitOf(this.state, now);
    if (wait !== undefined) {
      // It ends with an answer: a target that is asked again in vain is still waited for since the first time.
      this.state = { ...this.state, wait };
      const deadline = wait.since + options.maxWaitSecs * 1000;
      if (now >= deadline || wait.tries >= Math.max(wait.minTries, options.retries)) {
        await this.failItems(findWaiting(this.state, now));
        return;
      }
      this.wakeUpAt(Math.min(wait.until, deadline), `no target can be asked: ${wait.text}`, () => this.countTry());
    }
    const retryAt = nextRetryAt(this.state.open, now);
    if (retryAt !== undefined) this.wakeUpAt(retryAt, 'until failed items are asked again');
  }

  private countTry(): void {
    const { wait } = this.state;
    if (wait !== undefined) this.state = { ...this.state, wait: { ...wait, tries: wait.tries + 1 } };
  }

  /** Records the errors of items that nobody can answer. */
  private async failItems(groups: readonly HopelessItems[]): Promise<void> {
    const { run, chunk } = this.input;
    for (const hopeless of groups) {
      const { items } = hopeless.items;
      const failing = { run, chunk: chunk.chunk, items, ...hopeless.failure };
      const { counts } = await this.insist(() => steps.failItems(failing));
      this.state = settleHopeless(this.state, hopeless, counts);
    }
    if (groups.length > 0) this.wake();
  }

  private returnPermits(): void {
    if (this.orders.paused) return;
    const needed = Math.min(Math.max(0, this.freePermits()), this.itemsDue());
    const kept = this.packs.permits() + needed;
    const returned = Math.max(this.state.returned, this.orders.granted - kept);
    this.state = { ...this.state, returned };
  }

  /** Items that could be in a pack soon; none while none can be asked, or nothing may be spent. */
  private itemsDue(): number {
    if (this.orders.paused || tokensLeft(this.state, this.orders.allowance) === 0) return 0;
    const packs = MAX_PENDING - this.packs.size;
    const now = Date.now();
    const groups = dueBy(this.state.open, now + KEEP_PERMITS_MS);
    const due = countOpen(groups.filter((items) => targetsFor(this.state, items, now).length > 0));
    return Math.min(due, packs * (this.orders.options.pack ?? due));
  }

  private report(): ChunkReport {
    const { orders, packs, state, input } = this;
    return reportOf(input.chunk.chunk, state, orders, { inFlight: packs.permits(), ready: this.itemsDue() });
  }

  private urgency(report: ChunkReport): string {
    return urgencyOf(report, { isPaused: this.orders.paused, items: this.items });
  }

  private reportIfDue(): void {
    const urgency = this.urgency(this.report());
    if (urgency === this.sentUrgency) return;
    this.sentUrgency = urgency;
    this.reports.notify();
  }

  /** The reason for a pause is over with the pause, and what was waited for meanwhile does not count. */
  private forgetStop(wasPaused: boolean): void {
    const { stop, wait, ...state } = this.state;
    const targets = stop === undefined ? state.targets : reopenTargets(state.targets);
    this.state = { ...state, targets, ...(wasPaused || wait === undefined ? {} : { wait }) };
  }

  private isAnswered(): boolean {
    return this.orders.isAnswered || this.state.counts.ok > 0;
  }

  private wakeUpAt(time: number, summary: string, onTime: () => void = () => undefined): void {
    if (this.timers.has(time)) return;
    this.timers.add(time);
    sleep(Math.max(1, time - Date.now()), { summary: timerSummary(summary) })
      .then(onTime, () => undefined)
      .finally(() => {
        this.timers.delete(time);
        this.wake();
      });
  }

  private wake(): void {
    this.changed = true;
  }

  /** Takes back all packs, and passes the state on to a fresh history. */
  private async handOver(): Promise<void> {
    this.packs.withdraw();
    await condition(() => this.packs.size === 0);
    if (this.crash !== undefined) throw this.crash.error;
    await this.reports.idle();
    const { orders, state } = this;
    await continueAsNew<(input: ChunkInput) => Promise<ChunkResult>>({ ...this.input, orders, carried: state });
  }
}
