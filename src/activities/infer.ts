import { randomBytes } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { decodeItems } from '../batch/item-ranges.js';
import type { PackBeat } from '../batch/pack-beat.js';
import { type InferInput, type PackProgress, segmentPrefix } from '../batch/work.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { askItem } from './ask-item.js';
import type { ChunkJournal } from './chunk-journal.js';
import type { ActivityDependencies } from './dependencies.js';
import { endsPack, type ItemError, itemError, itemFailure, translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { PackMetrics } from './metrics.js';
import { openPackItems, type PackItem } from './pack-items.js';
import type { PackLanes } from './pack-lanes.js';
import { PackTally } from './pack-tally.js';
import { patiently, patientReads } from './patience.js';
import { SegmentWriter } from './segment-writer.js';
import { type RunSettings, readSettings } from './settings.js';
import { packSignals } from './signals.js';
import { type PackTrace, requestFailure } from './tracing.js';

/** Does a pack: asks the model about its items, one after another on each of its lanes, and writes the answers as segments. */
export function infer(worker: ActivityDependencies, input: InferInput): Promise<PackProgress> {
  const metrics = PackMetrics.begin(input.lanes ?? 1);
  const { workflowExecution, activityId } = Context.current().info;
  const execution = workflowExecution?.runId ?? '';
  const { journal, leave } = worker.journals.join(execution, input.run, input.chunk);
  const { withdrawn, close } = worker.withdrawals.listen(execution, activityId);
  const pack = new PackRun(worker, input, metrics, journal, withdrawn);
  const end = (): void => {
    close();
    leave();
    metrics.end();
  };
  return translated(() =>
    withHeartbeat(
      () => pack.beat,
      () => pack.run().finally(end),
    ),
  );
}

/** One attempt of one `infer`. */
class PackRun {
  private readonly info = Context.current().info;
  private readonly signals;
  private readonly storage: Storage;
  private readonly tally: PackTally;
  private readonly items: readonly number[];
  private readonly writer: SegmentWriter;
  private readonly trace: PackTrace | undefined;
  /** What ends the pack before its items are done. */
  private ending: { readonly item: ItemError } | { readonly error: unknown } | undefined;

  constructor(
    private readonly worker: ActivityDependencies,
    private readonly input: InferInput,
    private readonly metrics: PackMetrics,
    private readonly journal: ChunkJournal,
    withdrawn: AbortSignal,
  ) {
    this.signals = packSignals(Context.current(), withdrawn, worker.drain);
    this.storage = patientReads(worker.storage, { signals: this.signals.stopping });
    this.items = decodeItems(input.items);
    // A pack of several never sends an item twice; an item alone is sent once by each attempt.
    this.tally = new PackTally(this.items, input.alone ? this.info.attempt - 1 : 0);
    // The same attempt may run twice: a server that lost its last moments gives it out again while the first still
    // runs. The random part keeps apart what the two have written.
    const name = `${this.activityPrefix()}${this.info.attempt}-${randomBytes(3).toString('hex')}`;
    this.writer = new SegmentWriter(journal, name, this.signals.abort);
    this.trace = worker.tracing?.pack(Context.current(), input, worker.endpoint.baseUrl);
  }

  /** How far it is, for its heartbeats. */
  get beat(): PackBeat {
    return { model: this.input.model, left: this.tally.left, ...this.tally.counts };
  }

  async run(): Promise<PackProgress> {
    try {
      await this.work();
    } catch (error) {
      // Storage cannot be read and the pack is wanted back: what is done goes back, and the rest with it.
      if (!(error instanceof StorageError) || error.isForGood || !this.signals.stop()) throw error;
    }
    return await this.end();
  }

  private async work(): Promise<void> {
    const { run } = this.input;
    const stopping = { signals: this.signals.stopping };
    const settled = patiently(() => readSettings(this.worker, run), stopping);
    // All at once: a lane that waits for storage at the start of each pack is a lane that asks nothing.
    const [items, settings] = await Promise.all([
      openPackItems(this.storage, run, this.items, settled),
      settled,
      this.takeOver(),
    ]);
    const { lanes: own = 1, last = false } = this.input;
    const share = { own, last, questions: this.tally.left };
    await this.worker.lanePools.with(run, share, (lanes) => this.askAll(items, settings, lanes));
    await this.endEarly();
  }

  private async askAll(items: AsyncIterable<PackItem>, settings: RunSettings, lanes: PackLanes): Promise<void> {
    const { stopping } = this.signals;
    for await (const item of items) {
      if (!this.tally.isOpen(item.item)) continue;
      if (!(await lanes.take(stopping))) break;
      let asks = false;
      try {
        asks = await this.mayAsk();
      } finally {
        // Also when it throws: the pack ends only when all its lanes are back.
        if (!asks) lanes.give();
      }
      if (!asks) break;
      void this.ask(item, settings).finally(() => lanes.give());
    }
    await lanes.end();
    if (this.input.last === true && this.tally.isDone) await lanes.stay(stopping);
  }

  /** True when one more item may be asked, once what was answered can be written. Throws when the worker goes first. */
  private async mayAsk(): Promise<boolean> {
    const { tokenBudget = Number.POSITIVE_INFINITY } = this.input;
    await this.writer.ready();
    return !this.signals.stop() && this.ending === undefined && this.tally.spentTokens < tokenBudget;
  }

  /** Ends the pack for what has happened to one of its items, with what is done. */
  private async endEarly(): Promise<void> {
    const { ending } = this;
    if (ending === undefined) return;
    if ('item' in ending) throw itemFailure(ending.item, await this.end());
    await this.writer.close();
    throw ending.error;
  }

  private activityPrefix(): string {
    const { workflowExecution, activityId } = this.info;
    return segmentPrefix(workflowExecution?.runId ?? '', activityId);
  }

  /**
   * Takes what has been answered of its items, so that it is not asked and paid again, into this attempt's own segment:
   * what an attempt that was given up may still write is in none that counts. A first attempt looks too, at what was
   * there before this worker: a server that lost its last moments in a power cut gives out the same items a second time,
   * and not always in the same packs.
   */
  private async takeOver(): Promise<void> {
    const { takeOver } = this.input;
    const isFirst = takeOver.length === 0 && this.info.attempt === 1;
    for (const record of await this.journal.earlier(this.storage, this.items, !isFirst)) {
      if (!this.tally.isOpen(record.item)) continue;
      this.tally.recovered(record);
      this.writer.add(record);
    }
  }

  /** Never rejects: what concerns more than the item ends the pack. */
  private async ask(item: PackItem, settings: RunSettings): Promise<void> {
    const { endpoint } = this.worker;
    const attempt = this.input.attempts + (this.input.alone ? this.info.attempt : 1);
    const trace = this.trace?.request({ item: item.item, attempt });
    const start = performance.now();
    try {
      const question = {
        endpoint,
        storage: this.storage,
        settings,
        input: this.input,
        attempt,
        signal: this.signals.abort,
        trace,
      };
      const { record, latencyMs } = await askItem(item, question);
      trace?.end();
      this.metrics.answered(record, latencyMs);
      this.tally.answer(record, latencyMs, performance.now() - start);
      this.writer.add(record);
    } catch (error) {
      trace?.end(requestFailure(error, this.signals.abort.aborted));
      this.fail(item.item, error);
    }
  }

  private fail(item: number, error: unknown): void {
    // The worker goes, or another attempt has taken over: what is done is handed back, this item with the rest.
    if (this.signals.abort.aborted) return;
    const known = itemError(error);
    if (known === undefined) {
      this.ending ??= { error };
      return;
    }
    if (known.type !== 'InvalidAttachment') {
      this.tally.wasted(known);
      this.metrics.failed(this.input.model, known.type);
    }
    if (endsPack(known.type) || this.input.alone) this.ending ??= { item: known };
    else this.leave(item, known);
  }

  private leave(item: number, { type, error, retryAfterMs }: ItemError): void {
    this.tally.leave({ item, type, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }

  private async end(): Promise<PackProgress> {
    await this.writer.close();
    const progress = this.tally.progress(this.writer.names);
    this.trace?.did(progress);
    return progress;
  }
}
