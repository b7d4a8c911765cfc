import { condition, continueAsNew, getExternalWorkflowHandle, sleep, workflowInfo } from '@temporalio/workflow';
import { beginChunk, beginRecovered } from '../batch/chunk-begin.js';
import { hearOrders, takeModels, usableLanes } from '../batch/chunk-orders.js';
import {
  type ChunkState,
  type CutPack,
  failStranded,
  itemsDueBy,
  nextPack,
  nextTry,
  nothingOpen,
  releaseBudget,
  tokensLeft,
  unstrand,
} from '../batch/chunk-state.js';
import { clearDown, type ModelTable, mergeModels, refreshModels, sameModels } from '../batch/model-table.js';
import { inferInput, partInput } from '../batch/pack-call.js';
import { losePack, withdrawPack } from '../batch/pack-outcome.js';
import type { ChunkInput, ChunkOrders, ChunkResult } from '../batch/reports.js';
import type { WorkflowOptions } from '../batch/run.js';
import { segmentPrefix } from '../batch/work.js';
import type { Pack } from '../batch/work-queue.js';
import { endpointSteps, steps } from './activities.js';
import { ChunkReporter } from './chunk-reporter.js';
import { roomInHistory } from './history-length.js';
import { afterFailure, afterPack } from './pack-end.js';
import { type PackEnd, PacksUnderWay } from './packs-under-way.js';

/** Wait before the first new look at the models when none is up, ms; doubled with every look in vain. */
const FIRST_LOOK_MS = 5_000;
const MAX_LOOK_MS = 120_000;

/** A lane is kept for an item that may be tried again within this time, ms, instead of going to the parent and back. */
const KEEP_LANE_MS = 2_000;

/** Events that a pack brings at most: it is scheduled, starts and ends, and the workflow task for its end. */
const EVENTS_OF_A_PACK = 6;

/** A pack that was started, epoch ms. */
interface StartedPack {
  readonly pack: Pack;
  readonly activityId: string;
  readonly startedAt: number;
}

/** Drives one chunk: cuts packs for its lanes, hears what became of them, until every item has a line. */
export class ChunkRun {
  private state: ChunkState;
  private readonly packs = new PacksUnderWay();
  private changed = false;
  private looking = false;
  private lookAt = 0;
  private timerAt = Number.POSITIVE_INFINITY;
  private crash: { readonly error: unknown } | undefined;
  private readonly reporter: ChunkReporter;
  private options: WorkflowOptions;
  private revision: number;

  constructor(private readonly input: ChunkInput) {
    this.options = input.options;
    this.revision = input.revision;
    this.state = input.carried ?? beginChunk(input);
    const parent = getExternalWorkflowHandle(workflowInfo().parent?.workflowId ?? input.run);
    this.reporter = new ChunkReporter(input.chunk, parent, () => this.facts(), this.state.models);
  }

  /** Hears the parent. */
  obey(orders: ChunkOrders): void {
    const { options, revision, models, paused } = orders;
    this.state = hearOrders(this.state, orders);
    if (options !== undefined) this.options = options;
    if (revision > this.revision) this.beginRevision(revision, models);
    else if (models !== undefined) this.hearModels(models);
    if (paused) this.packs.withdraw();
    this.changed = true;
  }

  /** What is asked has changed: packs under way end after their request, and the rest goes out anew. */
  private beginRevision(revision: number, models: ModelTable | undefined): void {
    this.revision = revision;
    this.packs.withdraw();
    if (models === undefined) return;
    this.reporter.knows(models);
    this.state = takeModels(this.state, models, Date.now());
  }

  private hearModels(told: ModelTable): void {
    const models = mergeModels(told, this.state.models);
    this.state = { ...this.state, models };
    // Without this the parent would be told what it has just said, by every chunk.
    if (sameModels(models, told)) this.reporter.knows(models);
  }

  /** Runs the chunk to its end: every item answered or failed, and the part written. */
  async run(): Promise<ChunkResult> {
    const { run, chunk, recover, retryFailed, carried, only } = this.input;
    if (recover && carried === undefined) {
      const recovered = await steps.recoverChunk({ run, chunk, retryFailed });
      if (recovered.part !== undefined) return recovered.part;
      this.state = beginRecovered(this.input, this.state, recovered);
    }
    await this.work();
    if (only !== undefined) return { counts: this.state.counts };
    return await steps.writePart(partInput(this.input, this.options, this.state));
  }

  /** The end of a cancelled chunk: waits until no pack is under way, keeps what failed, and tells the parent its counts. */
  async drain(): Promise<void> {
    await condition(() => this.packs.size === 0);
    const { failed, skipped } = this.state.counts;
    if (this.input.only === undefined && failed + skipped > 0) {
      await steps.keepFailures(partInput(this.input, this.options, this.state));
    }
    await this.reporter.tell();
  }

  private async work(): Promise<void> {
    while (true) {
      this.changed = false;
      if (!this.hasRoom()) await this.handOver();
      this.launch();
      if (this.packs.size === 0 && nothingOpen(this.state)) break;
      this.reporter.look();
      await condition(() => this.changed);
      if (this.crash !== undefined) throw this.crash.error;
    }
    await this.reporter.quiet();
  }

  /** Starts packs while there are lanes, gives back the lanes that have nothing to do, and plans the next look. */
  private launch(): void {
    const now = Date.now();
    this.giveBackRecalled();
    while (this.mayStart() && this.packs.lanes < usableLanes(this.state) && this.hasRoom()) {
      const { cut, state } = nextPack(this.state, this.options, now, usableLanes(this.state) - this.packs.lanes);
      this.state = state;
      if (cut === undefined) break;
      this.start(cut);
    }
    if (this.state.stranded.length > 0) this.lookForModels();
    this.giveBackIdle(now);
    this.wakeForRetry(now);
  }

  /** A limit that was set just now waits for the packs from before it, which have been taken back. */
  private mayStart(): boolean {
    return !this.state.paused && (this.state.allowance === undefined || !this.packs.areUnlimited);
  }

  /** True when the history can take one more pack beside those under way. */
  private hasRoom(): boolean {
    return (this.packs.size + 1) * EVENTS_OF_A_PACK <= roomInHistory();
  }

  private giveBackRecalled(): void {
    const { granted, returned, recalled } = this.state;
    const wanted = recalled - returned;
    if (wanted <= 0) return;
    const idle = Math.max(0, granted - returned - this.packs.lanes);
    const given = Math.min(wanted, idle);
    this.state = { ...this.state, returned: returned + given };
    this.packs.withdrawSome(wanted - given);
  }

  private giveBackIdle(now: number): void {
    if (this.state.paused) return;
    const due = tokensLeft(this.state) === 0 ? 0 : itemsDueBy(this.state, now + KEEP_LANE_MS);
    const keep = this.packs.lanes + due;
    const idle = usableLanes(this.state) - keep;
    if (idle > 0) this.state = { ...this.state, returned: this.state.returned + idle };
  }

  private start(cut: CutPack): void {
    const { pack, lanes } = cut;
    const activityId = `pack-${this.state.nextPack - 1}`;
    const startedAt = Date.now();
    const { heartbeatTimeoutMs } = this.input;
    const { retries } = this.options;
    const input = inferInput(this.input, this.options, cut);
    const call = { input, pack, lanes, activityId, retries, heartbeatTimeoutMs };
    this.packs
      .run(call, (end) => {
        this.state = releaseBudget(this.after(end, { pack, activityId, startedAt }), pack);
      })
      .catch((error: unknown) => {
        this.crash = { error };
      })
      .finally(() => {
        this.changed = true;
      });
  }

  private after(end: PackEnd, { pack, activityId, startedAt }: StartedPack): ChunkState {
    const { options } = this;
    const prefix = segmentPrefix(workflowInfo().runId, activityId);
    if (end.kind === 'done') return afterPack(this.state, pack, end.progress, options);
    if (end.kind === 'withdrawn') return withdrawPack(this.state, pack, prefix);
    const lose = () => losePack(this.state, pack, prefix);
    return afterFailure(this.state, { pack, error: end.error, startedAt, lose }, options);
  }

  private lookForModels(): void {
    if (this.looking || this.state.paused) return;
    this.looking = true;
    this.look()
      .catch((error: unknown) => {
        this.crash = { error };
      })
      .finally(() => {
        this.looking = false;
        this.changed = true;
      });
  }

  /** Waits, reads the models anew and lets every one be asked again; after `retries` looks in vain the items fail. */
  private async look(): Promise<void> {
    if (this.state.rounds >= this.options.retries) {
      this.state = failStranded(this.state);
      return;
    }
    const wait = Math.min(FIRST_LOOK_MS * 2 ** this.state.rounds, MAX_LOOK_MS);
    this.lookAt = Date.now() + wait;
    this.reporter.look();
    await sleep(wait, { summary: 'no model is up: until the next look' });
    const list = await endpointSteps.fetchModels().catch(() => []);
    const models = clearDown(list.length > 0 ? refreshModels(this.state.models, list) : this.state.models);
    this.state = unstrand({ ...this.state, models, rounds: this.state.rounds + 1 }, Date.now());
  }

  private wakeForRetry(now: number): void {
    const at = nextTry(this.state, now);
    if (at === undefined || at >= this.timerAt) return;
    this.timerAt = at;
    sleep(at - now, { summary: 'until a failed item is asked again' })
      .catch(() => undefined)
      .finally(() => {
        if (this.timerAt === at) this.timerAt = Number.POSITIVE_INFINITY;
        this.changed = true;
      });
  }

  /** Passes the state on to a fresh history once nothing is under way. */
  private async handOver(): Promise<void> {
    await condition(() => this.packs.size === 0 && !this.looking);
    if (this.crash !== undefined) throw this.crash.error;
    await this.reporter.quiet();
    const { options, revision, state } = this;
    await continueAsNew<(input: ChunkInput) => Promise<ChunkResult>>({
      ...this.input,
      options,
      revision,
      carried: state,
    });
  }

  private facts() {
    const { state, lookAt, revision } = this;
    const inFlight = this.packs.lanes;
    const open = state.paused ? 0 : itemsDueBy(state, Date.now());
    return { state, revision, inFlight, open, lookAt };
  }
}
