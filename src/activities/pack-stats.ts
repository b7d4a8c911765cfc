import type { ItemFailure, PackResult } from '../batch/activity-contract.js';
import { type Counts, failureKind, NO_COUNTS } from '../batch/counts.js';
import { encodeItems, type ItemRanges } from '../batch/item-ranges.js';
import { countLatency, type LatencyHistogram } from '../batch/latency.js';
import { sumCounts } from '../batch/numbers.js';
import type { PackHeartbeat } from '../batch/pack-heartbeat.js';
import type { AnswerSummary, ItemHistory } from '../store/outcome-index.js';
import type { FailureRecord } from '../store/outcomes.js';

/** Failures that a result carries. */
const LAST_FAILURES = 5;

/** Characters of an error that a result carries. */
const ERROR_LENGTH = 300;

/** Counts what the attempts of a pack have done, and keeps which of its items have no outcome. */
export class PackStats {
  /** Items that were not asked, or whose request does not count. */
  readonly open: Set<number>;
  /** Items whose attempt failed. */
  readonly failed = new Set<number>();
  /** Items that the target refused and another one may take. */
  readonly refused = new Set<number>();
  /** Items whose answers the target could not repair: another one is asked first. */
  readonly misfits = new Set<number>();
  private ok = 0;
  private truncated = 0;
  private filtered = 0;
  private tokens = 0;
  private empty = 0;
  private wastedTokens = 0;
  private cachedTokens = 0;
  /** Billionths of a dollar; absent if nobody knows the target's price. */
  private cost: number | undefined;
  private requests = 0;
  private retries = 0;
  private failures = 0;
  private fallbacks = 0;
  private failedByKind: Record<string, number> = {};
  private latency: LatencyHistogram = {};
  private lastFailures: readonly ItemFailure[] = [];

  constructor(
    private readonly target: string,
    private readonly items: readonly number[],
  ) {
    this.open = new Set(items);
  }

  /** Tokens spent on answers of use and others. */
  get spentTokens(): number {
    return sumCounts(this.tokens, this.wastedTokens);
  }

  /**
   * Counts what was recorded of an item before this attempt: an outcome that the workflow has no word of, and the failed
   * attempts that earlier attempts of this activity made (`by`). Returns true if the item has an outcome.
   */
  recover(item: number, history: ItemHistory, by: string): boolean {
    const before = this.requests;
    const hasEnded = this.recoverOutcome(item, history, by);
    // What went out beyond that was lost with its worker.
    const lost = history.sent.filter((record) => record.by === by).length - (this.requests - before);
    for (let n = 0; n < lost; n++) this.request(false);
    return hasEnded;
  }

  private recoverOutcome(item: number, { outcome, tries }: ItemHistory, by: string): boolean {
    for (const record of tries) {
      if (record.by !== by) continue;
      const { attempt, tokens, empty, joined, cost } = record.try;
      if (joined === true) continue;
      this.request(attempt > 1, tokens, empty, cost);
    }
    if (outcome === undefined) return false;
    if (!this.open.delete(item)) return true;
    if ('failure' in outcome) {
      this.fail(outcome);
      // Its last attempt has no record of its own.
      const { attempts, joined } = outcome.failure;
      if (attempts > tries.length && joined !== true) this.request(tries.length > 0);
    } else {
      this.count(outcome);
      if (outcome.joined !== true) this.request(tries.some((record) => record.try.attempt > 0));
    }
    return true;
  }

  /** Counts an answer that came now, after `ms`. */
  answer(record: AnswerSummary, attempt: number, ms: number): void {
    this.open.delete(record.item);
    this.count(record);
    if (record.joined !== true) this.request(attempt > 1);
    this.latency = countLatency(this.latency, ms);
  }

  /** Counts a request that brought no answer of use. */
  request(isRetry: boolean, wastedTokens = 0, isEmpty = false, cost?: number): void {
    this.requests++;
    this.addCost(cost);
    if (isRetry) this.retries++;
    this.wastedTokens = sumCounts(this.wastedTokens, wastedTokens);
    if (isEmpty) this.empty++;
  }

  /** Marks an item whose attempt failed and that may be asked again. */
  retry(item: number): void {
    this.open.delete(item);
    this.failed.add(item);
  }

  /** Marks an item whose answers do not satisfy the schema: another target is asked first. */
  misfit(item: number): void {
    this.open.delete(item);
    this.misfits.add(item);
  }

  /** Marks an item that another target may take. */
  pass(item: number): void {
    this.open.delete(item);
    this.refused.add(item);
    this.fallbacks++;
  }

  /** Counts an item that the target has given up with all others. */
  giveUp(): void {
    this.fallbacks++;
  }

  /** Counts an item that ended in an error. */
  fail({ item, failure: { error: whole, shown: error = whole } }: FailureRecord): void {
    this.open.delete(item);
    this.failures++;
    const kind = failureKind(error);
    this.failedByKind[kind] = (this.failedByKind[kind] ?? 0) + 1;
    const failure = { item, target: this.target, error: [...error].slice(0, ERROR_LENGTH).join('') };
    this.lastFailures = [...this.lastFailures.slice(1 - LAST_FAILURES), failure];
  }

  /** Returns how far the pack is. */
  heartbeat(): PackHeartbeat {
    const { target, ok, truncated, empty, tokens, wastedTokens, cachedTokens, requests } = this;
    return {
      target,
      open: this.open.size,
      ok,
      failed: this.failures,
      truncated,
      empty,
      tokens,
      wastedTokens,
      cachedTokens,
      requests,
    };
  }

  /** Returns what the workflow applies. */
  result(waitMs: number | undefined, notes: readonly string[]): PackResult {
    return {
      counts: this.counts(),
      failed: this.ranges(this.failed),
      refused: this.ranges(this.refused),
      open: this.ranges(this.open),
      ...(this.misfits.size === 0 ? {} : { misfits: this.ranges(this.misfits) }),
      ...(waitMs === undefined ? {} : { waitMs }),
      lastFailures: this.lastFailures,
      notes,
    };
  }

  private counts(): Counts {
    const { ok, truncated, filtered, empty, tokens, wastedTokens, requests, retries, fallbacks } = this;
    const { failures: failed, cachedTokens, cost } = this;
    const costs = cost === undefined ? {} : { cost };
    return {
      ...NO_COUNTS,
      ...{ ok, failed, truncated, filtered, empty, tokens, wastedTokens, cachedTokens, requests, retries },
      failedByKind: this.failedByKind,
      latency: this.latency,
      models: { [this.target]: { sent: requests, ok, failed, fallbacks, tokens, ...costs } },
    };
  }

  /** Returns items in the order in which they came. */
  private ranges(items: ReadonlySet<number>): ItemRanges {
    return encodeItems(this.items.filter((item) => items.has(item)));
  }

  private addCost(cost: number | undefined): void {
    if (cost !== undefined) this.cost = sumCounts(this.cost ?? 0, cost);
  }

  private count({ result, truncated, filtered, cached = 0, cost }: AnswerSummary): void {
    this.ok++;
    this.addCost(cost);
    this.cachedTokens = sumCounts(this.cachedTokens, cached);
    this.tokens = sumCounts(this.tokens, result.tokens);
    if (truncated === true) this.truncated++;
    if (filtered === true) this.filtered++;
  }
}
