import { type Counts, failureKind, type ModelCounts, NO_COUNTS } from '../batch/counts.js';
import { countLatency } from '../batch/latency.js';
import { sumCounts } from '../batch/numbers.js';
import type { AnswerSummary, ItemHistory, OutcomeIndex } from './outcome-index.js';
import type { FailureRecord } from './outcomes.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const NO_MODEL: ModelCounts = { sent: 0, ok: 0, failed: 0, fallbacks: 0, tokens: 0 };

/** Adds up the outcomes of items, one after another. */
class Tally {
  private readonly sums: Writable<Counts> = { ...NO_COUNTS };
  private readonly latency = new Map<string, number>();
  private readonly kinds = new Map<string, number>();
  private readonly models = new Map<string, Writable<ModelCounts>>();

  /** Returns the sums so far. */
  get counts(): Counts {
    const { sums, latency, kinds, models } = this;
    return {
      ...sums,
      latency: Object.fromEntries(latency),
      failedByKind: Object.fromEntries(kinds),
      models: Object.fromEntries(models),
    };
  }

  answer({ result, truncated, filtered, cached = 0, cost, ms }: AnswerSummary): void {
    this.sums.ok++;
    this.sums.cachedTokens = sumCounts(this.sums.cachedTokens, cached);
    this.sums.tokens = sumCounts(this.sums.tokens, result.tokens);
    if (truncated === true) this.sums.truncated++;
    if (filtered === true) this.sums.filtered++;
    const model = this.model(result.model);
    model.ok++;
    model.tokens = sumCounts(model.tokens, result.tokens);
    addCost(model, cost);
    if (ms !== undefined) for (const bucket of Object.keys(countLatency({}, ms))) increment(this.latency, bucket);
  }

  failure({ failure: { target, error } }: FailureRecord): void {
    this.sums.failed++;
    increment(this.kinds, failureKind(error));
    if (target !== '') this.model(target).failed++;
  }

  /** Counts the requests of an item: those that failed and, for an answer, the one that brought it. */
  requests({ outcome, tries, sent }: ItemHistory): void {
    const targets = tries.map((failed) => failed.try.target);
    if (outcome !== undefined && 'result' in outcome) targets.push(outcome.result.model);
    if (outcome !== undefined && 'failure' in outcome) {
      // Its last attempt has no record of its own, and none of the others was lost.
      while (targets.length < outcome.failure.attempts) targets.push(outcome.failure.target);
    }
    targets.forEach((target, at) => {
      this.sums.requests++;
      this.model(target).sent++;
      if (at > 0 && targets[at - 1] === target) this.sums.retries++;
    });
    // What went out beyond them was lost with its worker.
    for (const { sent: target } of sent.slice(targets.length)) {
      this.sums.requests++;
      this.model(target).sent++;
    }
    for (const { try: failed } of tries) {
      this.sums.wastedTokens = sumCounts(this.sums.wastedTokens, failed.tokens ?? 0);
      if (failed.empty === true) this.sums.empty++;
      addCost(this.model(failed.target), failed.cost);
    }
  }

  private model(id: string): Writable<ModelCounts> {
    const model = this.models.get(id) ?? { ...NO_MODEL };
    this.models.set(id, model);
    return model;
  }
}

function addCost(model: Writable<ModelCounts>, cost: number | undefined): void {
  if (cost !== undefined) model.cost = sumCounts(model.cost ?? 0, cost);
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Counts how items ended, and nothing of what was sent for them. */
export function countEnds(index: OutcomeIndex, items: Iterable<number>): Counts {
  const tally = new Tally();
  for (const item of items) addEnd(tally, index.get(item)?.outcome);
  return tally.counts;
}

/** Adds the items that get the lines of others to how those have ended; `copies` are their numbers, by the item whose line they get. */
export function countCopies(ends: Counts, index: OutcomeIndex, copies: ReadonlyMap<number, number>): Counts {
  let { copied, copiedFailed } = ends;
  const kinds = new Map(Object.entries(ends.failedByKind));
  for (const [item, count] of copies) {
    const outcome = index.get(item)?.outcome;
    if (outcome === undefined) continue;
    if ('result' in outcome) copied += count;
    else {
      const kind = failureKind(outcome.failure.error);
      copiedFailed += count;
      kinds.set(kind, (kinds.get(kind) ?? 0) + count);
    }
  }
  return { ...ends, copied, copiedFailed, failedByKind: Object.fromEntries(kinds) };
}

/** Counts how items ended and what was sent for them, as far as their records show it. */
export function countHistories(index: OutcomeIndex, items: Iterable<number>): Counts {
  const tally = new Tally();
  for (const item of items) {
    const history = index.get(item);
    if (history === undefined) continue;
    addEnd(tally, history.outcome);
    tally.requests(history);
  }
  return tally.counts;
}

function addEnd(tally: Tally, outcome: ItemHistory['outcome']): void {
  if (outcome === undefined) return;
  if ('result' in outcome) tally.answer(outcome);
  else tally.failure(outcome);
}

/** Returns how items ended from `ends`, and what was sent for them from `sent`. */
export function mergeCounts(ends: Counts, sent: Counts): Counts {
  const { requests, retries, empty, wastedTokens, cachedTokens } = sent;
  const ids = new Set([...Object.keys(sent.models), ...Object.keys(ends.models)]);
  const sentModels = new Map(Object.entries(sent.models));
  const endModels = new Map(Object.entries(ends.models));
  const models = [...ids].map((id) => {
    const { sent: requestsSent, fallbacks, cost } = sentModels.get(id) ?? NO_MODEL;
    const { cost: _ofAnswers, ...end } = endModels.get(id) ?? NO_MODEL;
    return [id, { ...end, sent: requestsSent, fallbacks, ...(cost === undefined ? {} : { cost }) }] as const;
  });
  return { ...ends, requests, retries, empty, wastedTokens, cachedTokens, models: Object.fromEntries(models) };
}
