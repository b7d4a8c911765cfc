import { condition, continueAsNew, getExternalWorkflowHandle, sleep, workflowInfo } from '@temporalio/workflow';
import {
  type ChunkState,
  type CutPack,
  failStranded,
  itemsDueBy,
  nextPack,
  nextTry,
  nothingOpen,
  startChunk,
  takeRecovered,
  unstrand,
} from '../batch/chunk-state.js';
import { decodeItems, encodeItems } from '../batch/item-ranges.js';
import { clearDown, type ModelTable, mergeModels, refreshModels, sameModels } from '../batch/model-table.js';
import { losePack, withdrawPack } from '../batch/pack-outcome.js';
import type { ChunkInput, ChunkOrders, ChunkResult } from '../batch/reports.js';
import { type InferInput, type RecoveredChunk, segmentPrefix } from '../batch/work.js';
import type { Pack } from '../batch/work-queue.js';
import { modelsStep, steps } from './activities.js';
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

  constructor(private readonly input: ChunkInput) {
    this.state = input.carried ?? startChunk({ ...input, answered: new Set() });
    const parent = getExternalWorkflowHandle(workflowInfo().parent?.workflowId ?? input.run);
    this.reporter = new ChunkReporter(input.chunk, parent, () => this.facts(), this.state.models);
  }

  /** Hears the parent. Lanes are counted as totals, so that a message twice or late does no harm. */
  obey(orders: ChunkOrders): void {
    const { stop: _stop, ...state } = this.state;
    this.state = {
      ...(orders.paused ? this.state : state),
      granted: Math.max(this.state.granted, orders.granted),
      leftElsewhere: orders.leftElsewhere,
      paused: orders.paused,
    };
    if (orders.models !== undefined) this.hearModels(orders.models);
    if (orders.paused) this.packs.withdraw();
    this.changed = true;
  }

  private hearModels(told: ModelTable): void {
    const models = mergeModels(told, this.state.models);
    this.state = { ...this.state, models };
    // Without this the parent would be told what it has just said, by every chunk.
    if (sameModels(models, told)) this.reporter.knows(models);
  }

  /** Runs the chunk to its end: every item answered or failed, and the part written. */
  async run(): Promise<ChunkResult> {
    if (this.input.recover && this.input.carried === undefined) {
      const recovered = await steps.recoverChunk({ run: this.input.run, chunk: this.input.chunk });
      if (recovered.part !== undefined) return recovered.part;
      this.recover(recovered);
    }
    await this.work();
    const { segments, failures, counts } = this.state;
    const { run, chunk, options } = this.input;
    return await steps.writePart({ run, chunk, segments, failures, counts, detail: options.detail });
  }

  /** Waits until no pack is under way; for the end of a cancelled chunk. */
  async drain(): Promise<void> {
    await condition(() => this.packs.size === 0);
  }

  private recover(recovered: RecoveredChunk): void {
    const answered = new Set(decodeItems(recovered.items));
    // What the parent has said meanwhile stays.
    const { granted, leftElsewhere, paused, models } = this.state;
    const begun = startChunk({ ...this.input, models, answered });
    const told = { ...begun, granted, leftElsewhere, paused };
    this.state = takeRecovered(told, recovered.segments, recovered.counts);
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
    while (!this.state.paused && this.packs.lanes < this.held() && this.hasRoom()) {
      const { cut, state } = nextPack(this.state, this.input.options, now, this.held() - this.packs.lanes);
      this.state = state;
      if (cut === undefined) break;
      this.start(cut);
    }
    if (this.state.stranded.length > 0) this.lookForModels();
    this.giveBackIdle(now);
    this.wakeForRetry(now);
  }

  /** True when the history can take one more pack beside those under way. */
  private hasRoom(): boolean {
    return (this.packs.size + 1) * EVENTS_OF_A_PACK <= roomInHistory();
  }

  private held(): number {
    return this.state.granted - this.state.returned;
  }

  private giveBackIdle(now: number): void {
    if (this.state.paused) return;
    const keep = this.packs.lanes + itemsDueBy(this.state, now + KEEP_LANE_MS);
    const idle = this.held() - keep;
    if (idle > 0) this.state = { ...this.state, returned: this.state.returned + idle };
  }

  private start(cut: CutPack): void {
    const { pack, lanes } = cut;
    const activityId = `pack-${this.state.nextPack - 1}`;
    const startedAt = Date.now();
    const { options, heartbeatTimeoutMs } = this.input;
    const input = this.inferInput(cut);
    const call = { input, pack, lanes, activityId, retries: options.retries, heartbeatTimeoutMs };
    this.packs
      .run(call, (end) => {
        this.state = this.after(end, { pack, activityId, startedAt });
      })
      .catch((error: unknown) => {
        this.crash = { error };
      })
      .finally(() => {
        this.changed = true;
      });
  }

  private after(end: PackEnd, { pack, activityId, startedAt }: StartedPack): ChunkState {
    const { options } = this.input;
    const prefix = segmentPrefix(workflowInfo().runId, activityId);
    if (end.kind === 'done') return afterPack(this.state, pack, end.progress, options);
    if (end.kind === 'withdrawn') return withdrawPack(this.state, pack, prefix);
    const lose = () => losePack(this.state, pack, prefix);
    return afterFailure(this.state, { pack, error: end.error, startedAt, lose }, options);
  }

  private inferInput({ pack, lanes, last }: CutPack): InferInput {
    const { run, chunk, options } = this.input;
    return {
      run,
      chunk: chunk.chunk,
      model: pack.model,
      items: encodeItems(pack.items),
      maxTokens: options.maxTokens,
      temperature: options.temperature,
      timeoutSecs: options.timeoutSecs,
      detail: options.detail,
      attempts: pack.attempts,
      tried: pack.tried,
      takeOver: pack.takeOver,
      alone: pack.items.length === 1,
      ...(lanes === 1 ? {} : { lanes }),
      ...(last ? { last } : {}),
    };
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
    if (this.state.rounds >= this.input.options.retries) {
      this.state = failStranded(this.state);
      return;
    }
    const wait = Math.min(FIRST_LOOK_MS * 2 ** this.state.rounds, MAX_LOOK_MS);
    this.lookAt = Date.now() + wait;
    this.reporter.look();
    await sleep(wait);
    const list = await modelsStep.fetchModels({ checkKey: false }).catch(() => []);
    const models = clearDown(list.length > 0 ? refreshModels(this.state.models, list) : this.state.models);
    this.state = unstrand({ ...this.state, models, rounds: this.state.rounds + 1 }, Date.now());
  }

  private wakeForRetry(now: number): void {
    const at = nextTry(this.state, now);
    if (at === undefined || at >= this.timerAt) return;
    this.timerAt = at;
    sleep(at - now)
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
    await continueAsNew<(input: ChunkInput) => Promise<ChunkResult>>({ ...this.input, carried: this.state });
  }

  private facts() {
    const { state, lookAt } = this;
    const inFlight = this.packs.lanes;
    const open = state.paused ? 0 : itemsDueBy(state, Date.now());
    return { state, inFlight, open, lookAt };
  }
}
