import { Context } from '@temporalio/activity';
import type { InferInput, PackResult } from '../batch/activity-contract.js';
import { givenTokens } from '../batch/api.js';
import { costOf } from '../batch/cost.js';
import { decodeItems } from '../batch/item-ranges.js';
import { EMBED_BATCH } from '../batch/options.js';
import type { PackHeartbeat } from '../batch/pack-heartbeat.js';
import { estimatedTokens } from '../dria/tokens.js';
import { retryingReads, withRetries } from '../storage/retry.js';
import { type Storage, StorageError } from '../storage/storage.js';
import type { ChunkLog } from '../store/chunk-log.js';
import type { ItemHistory } from '../store/outcome-index.js';
import { type FailureRecord, type InvalidAnswer, invalidAnswer, type OutcomeRecord } from '../store/outcomes.js';
import { openPackItems, type PackItem } from '../store/pack-items.js';
import { type PackAbort, packAbort } from './abort.js';
import type { ActivityDependencies } from './dependencies.js';
import { type AskedEndpoint, endpointOf } from './endpoint-of.js';
import { failureOf, type ItemError, itemError, joinedError, retryFailure, translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { type GroupRule, halvesOf, type ItemGroup, ItemGroups } from './item-groups.js';
import { PackMetrics } from './metrics.js';
import { PackStats } from './pack-stats.js';
import { PrefixLeads } from './prefix-leads.js';
import { hasChanged, requestCompletion } from './request-completion.js';
import { requestEmbeddings } from './request-embeddings.js';
import type { RunPace, RunPaces } from './run-pace.js';
import type { PackShare, RunPermits } from './run-permits.js';
import type { RunRefusals } from './run-refusals.js';
import { type RunSettings, readSettings } from './settings.js';
import { type PackTrace, requestFailure } from './tracing.js';

/** Requests of an item that do not count as attempts: one that crashes its endpoint each time is not asked for ever. */
const UNCHARGED = 20;

/** How long a pack asks, ms: a run whose workers have no slot left waits as long for its turn. What is left goes back. */
const PACK_TIME_MS = 300_000;

/** How many times fewer items are asked together in each further attempt. */
const FEWER = 4;

/** Lessons that a result carries. */
const NOTES = 5;

/** Works on a pack: asks its target about the items, as many at a time as there are permits, and records the outcomes. */
export function infer(worker: ActivityDependencies, input: InferInput): Promise<PackResult> {
  const metrics = PackMetrics.begin(input.permits);
  const { workflowExecution, activityId } = Context.current().info;
  const execution = workflowExecution?.runId ?? '';
  const joined = worker.logs.join(execution, input.run, input.chunk);
  const revocation = worker.withdrawals.listen(execution, activityId);
  const shared = worker.runs.join(input.run, input.isAnswered === true);
  const pack = new PackRun(worker, input, {
    by: `${execution.slice(0, 8)}-${activityId}`,
    log: joined.log,
    metrics,
    permits: shared.permits,
    paces: shared.paces,
    refusals: shared.refusals,
    withdrawn: revocation.withdrawn,
  });
  const end = (): void => {
    revocation.close();
    joined.leave();
    shared.leave();
    metrics.end();
  };
  return translated(() =>
    withHeartbeat(
      () => pack.heartbeat(),
      () => pack.run().finally(end),
    ),
  );
}

/** What a pack shares with others on its worker. */
interface PackContext {
  /** Names the activity in the records of its attempts. */
  readonly by: string;
  readonly log: ChunkLog;
  readonly metrics: PackMetrics;
  readonly permits: RunPermits;
  readonly paces: RunPaces;
  readonly refusals: RunRefusals;
  readonly withdrawn: AbortSignal;
}

/** One attempt of one `infer`. */
class PackRun {
  private readonly startedAt = performance.now();
  private readonly abort: PackAbort;
  /** Resolves when the worker goes now. */
  private readonly gone: Promise<void>;
  private readonly stats: PackStats;
  private readonly items: readonly number[];
  private readonly trace: PackTrace | undefined;
  /** Requests that the items have had, in this pack and before. */
  private readonly tries = new Map<number, Tried>();
  /** Items whose request does not count, and that are asked again by this attempt. */
  private readonly again: ItemGroup[] = [];
  /** Items whose answers do not satisfy the schema, and that the target is to repair. */
  private readonly toRepair: PackItem[] = [];
  private repairs = false;
  /** The run has a schema. */
  private hasSchema = false;
  /** The pack's requests differ from what the run asks as a whole, after a change of its options. */
  private isChanged = false;
  private readonly leads: PrefixLeads;
  private readonly asked: AskedEndpoint;
  /** Failures that may turn out to be the run's. */
  private held: FailureRecord[] = [];
  /** Items that no request is under way for, and that have not ended. */
  private unasked = 0;
  private inFlight = 0;
  private wakeUp: () => void = () => undefined;
  /** What ends the pack before its items are done. */
  private ending: { readonly item: ItemError } | { readonly error: unknown } | undefined;
  private lastError: ItemError | undefined;
  private waitMs: number | undefined;

  constructor(
    private readonly worker: ActivityDependencies,
    private readonly input: InferInput,
    private readonly context: PackContext,
  ) {
    this.abort = packAbort(Context.current(), context.withdrawn, worker.drain);
    this.gone = whenAborted([this.abort.signal]);
    this.items = decodeItems(input.items);
    this.stats = new PackStats(input.target, this.items);
    this.leads = new PrefixLeads(input.permits);
    const asked = endpointOf(worker, input);
    if ('error' in asked) this.ending = { item: asked };
    this.asked = 'error' in asked ? { endpoint: worker.endpoint, model: input.target } : asked;
    this.trace = worker.tracing?.pack(Context.current(), input, this.asked.endpoint.baseUrl);
  }

  heartbeat(): PackHeartbeat {
    return this.stats.heartbeat();
  }

  async run(): Promise<PackResult> {
    try {
      await this.work();
    } catch (error) {
      // Storage cannot be read and the pack is wanted back: what is done goes back, and the rest with it.
      if (!(error instanceof StorageError) || error.isForGood || !this.abort.isStopping()) throw error;
    }
    return await this.conclude();
  }

  private async work(): Promise<void> {
    const { run } = this.input;
    const stopping = { signals: this.abort.stopping };
    const storage = retryingReads(this.worker.storage, stopping);
    const settled = withRetries(() => readSettings(this.worker, run), stopping);
    // All at once: a permit that waits for storage at the start of each pack is a permit without a request.
    const [items, settings] = await Promise.all([
      openPackItems(storage, run, this.items, settled, this.input.modality !== 'text'),
      settled,
      this.readEarlier(storage),
    ]);
    const { permits } = this.context;
    this.repairs = settings.repair;
    this.hasSchema = settings.answerCheck !== undefined;
    this.isChanged = hasChanged(settings, this.input.options);
    this.unasked = this.stats.open.size;
    const share = { permits: this.input.permits, open: () => (this.isOver() ? 0 : this.unasked) };
    permits.join(share);
    const leavePaces = this.joinPaces();
    try {
      await this.requestAll(items, share, settings);
      await this.linger();
    } finally {
      await this.whenDone();
      leavePaces();
      await permits.leave(share);
    }
  }

  /** Adds the pack's shares of the rates of its run, and of each endpoint with bounds. Returns what takes them away. */
  private joinPaces(): () => void {
    const { rpm, tpm, shares = {} } = this.input;
    const { paces } = this.context;
    const joined = [
      { pace: paces.run, share: { requests: rpm, tokens: tpm } },
      ...Object.entries(shares).map(([endpoint, { permits: inFlight, rpm: requests, tpm: tokens }]) => {
        return { pace: paces.at(endpoint), share: { inFlight, requests, tokens } };
      }),
    ];
    for (const { pace, share } of joined) pace.join(share);
    return () => {
      for (const { pace, share } of joined) pace.leave(share);
    };
  }

  /** The paces that the pack's requests keep. */
  private get paces(): readonly RunPace[] {
    return this.context.paces.of(this.input.endpoint);
  }

  /** Applies what was recorded of the items before, so that nothing is asked and paid twice. */
  private async readEarlier(storage: Storage): Promise<void> {
    const { log, by } = this.context;
    const { reread = false, retrying = false } = this.input;
    const isFirst = !reread && !retrying && Context.current().info.attempt === 1;
    const earlier = await log.earlier(this.items, { fresh: !isFirst, storage });
    for (const [item, history] of earlier) {
      if (!this.stats.recover(item, history, by)) this.tries.set(item, triedIn(history));
    }
  }

  private async requestAll(items: AsyncIterable<PackItem>, share: PackShare, settings: RunSettings): Promise<void> {
    const groups = new ItemGroups((item) => this.groupRule(item, settings));
    // Vectors come from no cache of prompts.
    const isOrdered = settings.groupPrefix && settings.api !== 'embeddings';
    for await (const item of isOrdered ? this.leads.ordered(this.openOf(items)) : items) {
      // While the target still has the conversation in its cache, if it has one.
      for (const repair of this.toRepair.splice(0))
        if (!(await this.requestOne(alone(repair), share, settings))) return;
      const full = this.stats.open.has(item.item) ? groups.add(item) : undefined;
      if (full !== undefined && !(await this.requestOne({ items: full }, share, settings))) return;
    }
    for (const rest of groups.rest()) if (!(await this.requestOne({ items: rest }, share, settings))) return;
    // Those that a rate limit held back, or whose answers are to be repaired, until none is left.
    while (this.toRepair.length + this.again.length > 0 || this.inFlight > 0) {
      const repair = this.toRepair.shift();
      const group = repair === undefined ? this.again.shift() : alone(repair);
      if (group === undefined) await this.nextEnd();
      else if (!(await this.requestOne(group, share, settings))) return;
    }
  }

  /**
   * Items that have failed together are asked again by fewer, and at last each alone: what one of them does to the endpoint
   * must not fail the others.
   */
  private groupRule({ item }: PackItem, { api, embedBatch = EMBED_BATCH }: RunSettings): GroupRule {
    if (api !== 'embeddings') return { most: 1, attempts: 0 };
    const { attempts } = this.tries.get(item) ?? NOT_TRIED;
    const isLast = attempts > 0 && attempts >= this.input.options.retries;
    const most = Math.min(embedBatch, this.worker.endpoint.mostInputs(this.input.target) ?? embedBatch);
    return { most: isLast ? 1 : Math.ceil(most / FEWER ** attempts), attempts };
  }

  private async *openOf(items: AsyncIterable<PackItem>): AsyncGenerator<PackItem, void, undefined> {
    for await (const item of items) if (this.stats.open.has(item.item)) yield item;
  }

  /** Starts a request once there is a permit. Returns false if no more is to be sent. */
  private async requestOne(group: ItemGroup, share: PackShare, settings: RunSettings): Promise<boolean> {
    const { permits } = this.context;
    const acquired = permits.acquire(share, this.abort.stopping);
    if (!(acquired === true || (await acquired))) return false;
    const { maxTokens } = this.input.options;
    const ofPrompts = group.items.reduce((sum, { prompt, input }) => {
      return sum + estimatedTokens(prompt) + givenTokens(input);
    }, 0);
    const most = settings.api === 'embeddings' ? 0 : maxTokens;
    const expected = this.context.paces.run.expectedTokens(ofPrompts, most);
    let isSent = false;
    try {
      isSent = (await this.maySend()) && (await this.waitForPaces(expected));
    } finally {
      // Also if it throws: the pack ends only once all its permits are back.
      if (!isSent) permits.release();
    }
    if (!isSent) return false;
    this.unasked -= group.items.length;
    this.inFlight++;
    void this.request(group, settings, expected).finally(() => {
      this.inFlight--;
      this.leads.ended(group.items[0].item);
      for (const pace of this.paces) pace.done();
      permits.release();
      this.wakeUp();
    });
    return true;
  }

  private async maySend(): Promise<boolean> {
    // Nothing more is bought while what was bought cannot be kept.
    if (this.context.log.failing !== undefined) await this.context.log.ready(this.abort.signal);
    return !this.isOver();
  }

  /** Waits until all paces allow another request. Returns false if no more is to be sent by then. */
  private async waitForPaces(expectedTokens: number): Promise<boolean> {
    const taken: RunPace[] = [];
    for (const pace of this.paces) {
      const allowed = pace.take(expectedTokens, this.abort.stopping);
      const isTaken = allowed === true || (await allowed);
      if (isTaken) taken.push(pace);
      // Of no use any more if it had to be waited for: the pack may be over by now.
      if (isTaken && (allowed === true || !this.isOver())) continue;
      for (const unused of taken) unused.done();
      return false;
    }
    return true;
  }

  /** True if no more is to be sent, whatever is left. */
  private isOver(): boolean {
    const { tokens = Number.POSITIVE_INFINITY } = this.input;
    const isLate = performance.now() - this.startedAt >= PACK_TIME_MS;
    return isLate || this.abort.isStopping() || this.ending !== undefined || this.stats.spentTokens >= tokens;
  }

  private nextEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeUp = resolve;
    });
  }

  private async whenDone(): Promise<void> {
    while (this.inFlight > 0) await this.nextEnd();
  }

  /** The run has no further pack for the permits: they stay while another pack here can use them. */
  private async linger(): Promise<void> {
    await this.whenDone();
    const { open, failed, refused, misfits } = this.stats;
    const isDone = open.size + failed.size + refused.size + misfits.size === 0 && this.ending === undefined;
    if (!isDone) return;
    await whenAborted([...this.abort.stopping, this.context.permits.whenIdle()]);
  }

  /** Never rejects: what concerns more than the item ends the pack. */
  private async request(group: ItemGroup, settings: RunSettings, expectedTokens: number): Promise<void> {
    const { storage } = this.worker;
    const { endpoint, model } = this.asked;
    const { items, halfOf } = group;
    const [item] = items;
    const tried = this.tries.get(item.item) ?? NOT_TRIED;
    const attempt = tried.attempts + 1;
    const trace = this.trace?.request({ item: item.item, attempt });
    const lease = endpoint.answers.lease();
    try {
      const { signal } = this.abort;
      const onSent = this.noteOnce(item.item);
      const { input } = this;
      const { targets, invalid } = tried;
      const own = invalid?.target === input.target ? { repair: invalid } : {};
      const willRepair = this.mayRepairHere(item, tried);
      const about = { attempt, tried: targets, ...own, willRepair, isChanged: this.isChanged };
      const context = { asked: this.asked, storage, settings, input, ...about, signal, lease, onSent, trace };
      const isVectors = settings.api === 'embeddings';
      const completions = isVectors
        ? await requestEmbeddings(items, context)
        : [await requestCompletion(item, context)];
      trace?.end();
      this.context.refusals.answered();
      const tokens = completions.reduce((sum, { record }) => sum + record.result.tokens, 0);
      for (const pace of this.paces) pace.correct(expectedTokens, tokens);
      if (!isVectors) this.context.paces.run.answered(Math.max(0, tokens - estimatedTokens(item.prompt)));
      if (halfOf !== undefined && ++halfOf.answered === 2) endpoint.learnInputs(model, halfOf.inputs);
      for (const { record, latencyMs } of completions) {
        this.context.metrics.answered(record, latencyMs);
        this.stats.answer(record, attempt, latencyMs);
      }
      await Promise.all(completions.map(({ record, line }) => this.keep(record, line)));
    } catch (error) {
      trace?.end(requestFailure(error, this.abort.signal.aborted));
      await this.failed(group, error, tried, expectedTokens);
    } finally {
      lease.release();
    }
  }

  /**
   * Returns what records that a request has gone out, for when its worker dies before it brings anything. Nothing waits for
   * the record: it shares a write with others, in a bucket the next PUT.
   */
  private noteOnce(item: number): () => void {
    let isNoted = false;
    return () => {
      if (isNoted) return;
      isNoted = true;
      const { log, by } = this.context;
      log.append({ item, by, sent: this.input.target }).catch(() => undefined);
    };
  }

  private async failed(group: ItemGroup, error: unknown, tried: Tried, expectedTokens: number): Promise<void> {
    // The worker goes, or another attempt has taken over: what is done is handed back, this item with the rest.
    if (this.abort.signal.aborted) return;
    const known = itemError(error);
    for (const pace of this.paces) pace.correct(expectedTokens, known?.tokens ?? 0);
    if (known === undefined) {
      this.ending ??= { error };
      return;
    }
    if (known.isSent) {
      this.stats.request(tried.attempts > 0, known.tokens, known.isEmpty, this.wastedCost(group.items[0], known));
      this.context.metrics.failed(this.input.target, known.type);
    }
    if (known.fault !== 'gate') {
      // What the gate holds back waits there.
      this.lastError = known;
      if (known.retryAfterMs !== undefined) this.waitMs = Math.max(this.waitMs ?? 0, known.retryAfterMs);
    }
    if (known.fault === 'gate') this.askAgain([group]);
    else if (known.fault === 'item' && group.items.length > 1) await this.split(group, known, tried);
    else await this.applyToAll(group, known);
  }

  /** Has groups asked again by this attempt. */
  private askAgain(groups: readonly ItemGroup[]): void {
    for (const group of groups) {
      this.again.push(group);
      this.unasked += group.items.length;
    }
  }

  /** Asks again in two halves about items that were refused together: one of them may be at fault, or their number. */
  private async split(group: ItemGroup, known: ItemError, tried: Tried): Promise<void> {
    this.askAgain(halvesOf(group));
    // For the count of requests, should its worker die: no attempt of the item.
    if (known.isSent) await this.recordTry(group.items[0], known, tried);
  }

  private async applyToAll({ items }: ItemGroup, known: ItemError): Promise<void> {
    const joined = joinedError(known);
    await Promise.all(
      items.map((item, at) => this.applyFault(item, at === 0 ? known : joined, this.tries.get(item.item) ?? NOT_TRIED)),
    );
  }

  /** Returns what an answer of no use has cost: of its tokens, those that the prompt is estimated at are the prompt's. */
  private wastedCost({ prompt: text }: PackItem, { tokens = 0 }: ItemError): number | undefined {
    const { price } = this.input;
    if (price === undefined || tokens === 0) return undefined;
    const prompt = Math.min(tokens, estimatedTokens(text));
    return costOf(price, { prompt, completion: tokens - prompt });
  }

  /** Does what the cause of an error asks for: see "Whose fault it is" in docs/endpoints.md. */
  private async applyFault(item: PackItem, known: ItemError, tried: Tried): Promise<void> {
    const { hasOther = false } = this.input;
    switch (known.fault) {
      case 'gate':
        return;
      case 'target':
        this.ending ??= { item: known };
        if (known.isSent) await this.leaveTarget(item, known, tried);
        return;
      case 'endpoint':
        this.ending ??= { item: known };
        if (known.type === 'EndpointUnavailable' && known.isSent) await this.recordTry(item, known, tried);
        return;
      case 'item':
        if (known.isUnclear && hasOther) this.stats.pass(item.item);
        else await this.end(item, known, tried);
        return;
      case 'attempt':
        await this.failAttempt(item, known, tried);
    }
  }

  private async failAttempt(item: PackItem, known: ItemError, tried: Tried): Promise<void> {
    if (tried.attempts >= this.input.options.retries) return await this.end(item, known, tried);
    const isInvalid = this.repairs && known.answer !== undefined;
    const isRepaired = isInvalid && this.ending === undefined && this.mayRepairHere(item, tried);
    if (!isRepaired) this.handBack(item.item, isInvalid);
    await this.recordTry(item, known, tried, { counts: true, isRepaired });
    if (!isRepaired) return;
    this.toRepair.push(item);
    this.unasked++;
  }

  /** Hands back an item whose attempt failed. One whose answer the target could not repair goes to another target first. */
  private handBack(item: number, isInvalid: boolean): void {
    if (!isInvalid || this.input.hasOther !== true) {
      this.stats.retry(item);
      return;
    }
    this.stats.misfit(item);
    if (this.ending === undefined) this.stats.giveUp();
  }

  /**
   * Returns true if the target is to repair an answer of it that does not satisfy the schema, should it give one now: unless
   * that is a repair itself. A model that is shown two bad answers of its own repeats them.
   */
  private mayRepairHere({ schema }: PackItem, { attempts, invalid }: Tried): boolean {
    const hasSchema = this.hasSchema || schema !== undefined;
    return this.repairs && hasSchema && attempts < this.input.options.retries && invalid?.target !== this.input.target;
  }

  /** A target that fails item after item uses up an attempt of each; one that cannot be asked does not. */
  private async leaveTarget(item: PackItem, known: ItemError, tried: Tried): Promise<void> {
    this.stats.giveUp();
    if (known.type === 'TargetUnavailable') await this.failAttempt(item, known, tried);
    else await this.recordTry(item, known, tried);
  }

  /** Records a request that brought no outcome. What is no fault of the item does not count, unless it goes on and on. */
  private async recordTry(asked: PackItem, known: ItemError, tried: Tried, as: RecordedAs = {}): Promise<void> {
    const { item } = asked;
    const { counts = false, isRepaired = false } = as;
    const { target } = this.input;
    const isAttempt = counts || tried.targets.length - tried.attempts >= UNCHARGED;
    const attempt = isAttempt ? tried.attempts + 1 : 0;
    const { itsOwn: { whole: error } = { whole: known.error }, tokens, isEmpty } = known;
    const invalid = isRepaired ? invalidOf(known) : undefined;
    const targets = [...tried.targets, target];
    const attempts = Math.max(tried.attempts, attempt);
    this.tries.set(item, { attempts, targets, ...(invalid && { invalid: { ...invalid, target, error } }) });
    const { by } = this.context;
    const wasted = this.wastedCost(asked, known);
    const paid = wasted === undefined ? {} : { cost: wasted };
    const cost = { ...paid, ...(tokens === undefined ? {} : { tokens }), ...(isEmpty === true ? { empty: true } : {}) };
    const joined = known.isJoined === true ? { joined: true } : {};
    await this.keep({ item, by, try: { target, error, attempt, ...joined, ...cost, ...(invalid && { invalid }) } });
  }

  /** Ends an item with an error. While nothing of the run has been answered its failures are held back: they may be the run's. */
  private async end({ item, id }: PackItem, known: ItemError, tried: Tried): Promise<void> {
    const { itsOwn: { whole: error, shown } = { whole: known.error, shown: known.error }, type, isSent } = known;
    const { target } = this.input;
    const targets = isSent ? [...tried.targets, target] : tried.targets;
    const attempts = tried.attempts + (isSent ? 1 : 0);
    const invalid = this.input.options.detail ? invalidOf(known) : undefined;
    const words = shown === error ? { error } : { error, shown };
    const tries = { attempts, tried: [...new Set(targets)] };
    const joined = known.isJoined === true ? { joined: true } : {};
    const failure = { target, ...words, ...tries, ...joined, ...(invalid && { invalid }) };
    const record = { item, id, at: Date.now(), failure };
    const { refusals } = this.context;
    if (!refusals.areHeld || type === 'InvalidAttachment') return await this.record(record);
    refusals.failed(item, shown);
    this.held.push(record);
    this.endIfAllRefused();
  }

  /** Ends the pack if the run's failures are all alike, whichever pack's was the one too many. */
  private endIfAllRefused(): void {
    const last = this.held.at(-1)?.failure;
    const error = last?.shown ?? last?.error;
    if (error === undefined || !this.context.refusals.areAll) return;
    this.ending ??= { item: { type: 'AllRefused', fault: 'endpoint', error, isSent: true, isUnclear: false } };
  }

  private async record(record: FailureRecord): Promise<void> {
    this.stats.fail(record);
    await this.keep(record);
  }

  /** Resolves when a record is in its file, or when the worker goes: `conclude` then throws if it cannot be written. */
  private async keep(record: OutcomeRecord, line?: string): Promise<void> {
    await Promise.race([this.context.log.append(record, line), this.gone]);
  }

  /** What the endpoint has taught of the target. */
  private notes(): string[] {
    const { endpoint, model } = this.asked;
    const prefix = this.input.endpoint === undefined ? '' : `${this.input.endpoint}/`;
    const lessons = endpoint.lessons().filter(({ target }) => target === model);
    return lessons.map(({ text }) => `${prefix}${text}`).slice(0, NOTES);
  }

  private async conclude(): Promise<PackResult> {
    // Their attempts are recorded: the next pack reads them, and the answers, before it asks again.
    for (const { item } of this.toRepair) this.stats.retry(item);
    this.endIfAllRefused();
    const { ending } = this;
    const isRefused = ending !== undefined && 'item' in ending && ending.item.type === 'AllRefused';
    // What the run was paused for goes out again with the rest.
    if (!isRefused) for (const record of this.held) await this.record(record);
    await this.context.log.flush(this.abort.signal);
    const result = this.stats.result(this.waitMs, this.notes());
    this.trace?.did(result);
    if (ending !== undefined && !('item' in ending)) throw ending.error;
    if (ending !== undefined) throw failureOf(ending.item, result);
    const { failed, misfits } = this.stats;
    // What another target is to be asked must not wait for the policy.
    const isRetried = this.input.retrying === true && failed.size > 0 && misfits.size === 0;
    if (isRetried && this.lastError !== undefined && !this.abort.isStopping()) {
      throw retryFailure(this.lastError, { failed: failed.size, items: this.items.length }, result);
    }
    return result;
  }
}

/** How a request that brought no outcome is recorded. */
interface RecordedAs {
  /** It counts as an attempt. Default false. */
  readonly counts?: boolean;
  /** Its answer is to be repaired. Default false. */
  readonly isRepaired?: boolean;
}

/** Requests of an item that brought no outcome. */
interface Tried {
  /** Those that count as attempts. */
  readonly attempts: number;
  /** All targets asked, oldest first. */
  readonly targets: readonly string[];
  /** The answer that the last of them brought, if it is to be repaired. */
  readonly invalid?: InvalidAnswer & { readonly target: string; readonly error: string };
}

const NOT_TRIED: Tried = { attempts: 0, targets: [] };

function triedIn({ tries, invalid }: ItemHistory): Tried {
  const attempts = tries.reduce((most, record) => Math.max(most, record.try.attempt), 0);
  const targets = tries.map((record) => record.try.target);
  const last = tries.at(-1)?.try;
  if (invalid === undefined || last === undefined) return { attempts, targets };
  return { attempts, targets, invalid: { ...invalid, target: last.target, error: last.error } };
}

function alone(item: PackItem): ItemGroup {
  return { items: [item] };
}

function invalidOf({ answer }: ItemError): InvalidAnswer | undefined {
  return answer === undefined ? undefined : invalidAnswer(answer);
}

/** Resolves when one of the signals is aborted. */
function whenAborted(signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      for (const signal of signals) signal.removeEventListener('abort', done);
      resolve();
    };
    for (const signal of signals) signal.addEventListener('abort', done);
  });
}
