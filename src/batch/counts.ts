import { z } from 'zod';
import { addLatencies, type LatencyHistogram } from './latency.js';
import { countSchema, sumCounts } from './numbers.js';
import { own } from './own.js';

/** What one model did; see `ModelProgress` for the words. */
export interface ModelCounts {
  /** Requests sent to it, failed ones included. */
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly fallbacks: number;
  readonly tokens: number;
  /** What all its answers have cost, of use or not, in billionths of a dollar; absent if nobody knows its price. */
  readonly cost?: number;
}

/** What was counted of a chunk or a run. */
export interface Counts {
  /** Items answered, of those that were asked. */
  readonly ok: number;
  /** Items that ended in an error, of those that were asked. */
  readonly failed: number;
  /** Items that get the answer of an item that is the same. */
  readonly copied: number;
  /** Items that get the error of an item that is the same. */
  readonly copiedFailed: number;
  /** Invalid input lines, under `skipInvalid`: they have an error line and are neither answered nor failed. */
  readonly skipped: number;
  /** Answers cut at the token limit; they count as ok. */
  readonly truncated: number;
  /** Answers cut by a content filter; they count as ok. */
  readonly filtered: number;
  /** Answers with nothing in them; each is a failed attempt. */
  readonly empty: number;
  /** `usage.total_tokens` of good answers. */
  readonly tokens: number;
  /** `usage.total_tokens` of answers that were of no use: empty, or against the schema. */
  readonly wastedTokens: number;
  /** Tokens of good answers' prompts that came from the endpoint's cache, if it counts them. */
  readonly cachedTokens: number;
  /** Requests sent, failed ones included. */
  readonly requests: number;
  /** Requests that asked the same model again after a failed attempt. */
  readonly retries: number;
  /** Failed items by kind: what stands before the colon of their error, `503` or `timeout`. */
  readonly failedByKind: Readonly<Record<string, number>>;
  /** Times of good answers. */
  readonly latency: LatencyHistogram;
  readonly models: Readonly<Record<string, ModelCounts>>;
}

/** Counts in a file or a message. */
export const countsSchema: z.ZodType<Counts> = z.object({
  ok: countSchema,
  failed: countSchema,
  copied: countSchema,
  copiedFailed: countSchema,
  skipped: countSchema,
  truncated: countSchema,
  filtered: countSchema,
  empty: countSchema,
  tokens: countSchema,
  wastedTokens: countSchema,
  cachedTokens: countSchema,
  requests: countSchema,
  retries: countSchema,
  failedByKind: z.record(z.string(), countSchema),
  latency: z.record(z.string().regex(/^\d{1,3}$/), countSchema),
  models: z.record(
    z.string(),
    z.object({
      sent: countSchema,
      ok: countSchema,
      failed: countSchema,
      fallbacks: countSchema,
      tokens: countSchema,
      cost: countSchema.exactOptional(),
    }),
  ),
});

const NO_MODEL_COUNTS: ModelCounts = { sent: 0, ok: 0, failed: 0, fallbacks: 0, tokens: 0 };

/** Counts of nothing. */
export const NO_COUNTS: Counts = {
  ok: 0,
  failed: 0,
  copied: 0,
  copiedFailed: 0,
  skipped: 0,
  truncated: 0,
  filtered: 0,
  empty: 0,
  tokens: 0,
  wastedTokens: 0,
  cachedTokens: 0,
  requests: 0,
  retries: 0,
  failedByKind: {},
  latency: {},
  models: {},
};

/** The sum of two counts. */
export function addCounts(a: Counts, b: Counts): Counts {
  return {
    ok: sumCounts(a.ok, b.ok),
    failed: sumCounts(a.failed, b.failed),
    copied: sumCounts(a.copied, b.copied),
    copiedFailed: sumCounts(a.copiedFailed, b.copiedFailed),
    skipped: sumCounts(a.skipped, b.skipped),
    truncated: sumCounts(a.truncated, b.truncated),
    filtered: sumCounts(a.filtered, b.filtered),
    empty: sumCounts(a.empty, b.empty),
    tokens: sumCounts(a.tokens, b.tokens),
    wastedTokens: sumCounts(a.wastedTokens, b.wastedTokens),
    cachedTokens: sumCounts(a.cachedTokens, b.cachedTokens),
    requests: sumCounts(a.requests, b.requests),
    retries: sumCounts(a.retries, b.retries),
    failedByKind: mergeRecords(a.failedByKind, b.failedByKind, (x = 0, y = 0) => sumCounts(x, y)),
    latency: addLatencies(a.latency, b.latency),
    models: mergeRecords(a.models, b.models, addModelCounts),
  };
}

/** Items that have an output line: answered, failed or skipped. */
export function linesOf({ ok, failed, skipped }: Pick<Counts, 'ok' | 'failed' | 'skipped'>): number {
  return ok + failed + skipped;
}

/** How items have ended, those that were not asked included. */
interface Ends {
  readonly ok: number;
  readonly failed: number;
  readonly skipped: number;
  /** Those of `ok` that were not asked. */
  readonly reused: number;
}

/** Returns how all items have ended; `taken` is the number of answers that were taken from an earlier run. */
export function endsOf({ ok, failed, skipped, copied, copiedFailed }: Counts, taken: number): Ends {
  const reused = sumCounts(taken, copied);
  return { ok: sumCounts(ok, reused), failed: sumCounts(failed, copiedFailed), skipped, reused };
}

/** All tokens that were spent, on good answers and on others. */
export function spentTokens({ tokens, wastedTokens }: Pick<Counts, 'tokens' | 'wastedTokens'>): number {
  return sumCounts(tokens, wastedTokens);
}

/** What an item has cost so far, tokens, at least 1; `guess` while nothing has been spent. */
export function tokensPerItem(
  counts: Pick<Counts, 'ok' | 'requests' | 'tokens' | 'wastedTokens'>,
  guess: number,
): number {
  const spent = spentTokens(counts);
  return spent === 0 ? guess : Math.max(1, spent / Math.max(1, counts.ok > 0 ? counts.ok : counts.requests));
}

/**
 * The counts of a chunk whose failed items are asked again: what was spent on them stays counted, but they have no line
 * any more. Items that were not asked are left out: they are counted when the chunk starts, or when its part is written.
 */
export function withoutFailures(counts: Counts): Counts {
  const models = Object.entries(counts.models).map(([id, model]) => [id, { ...model, failed: 0 }]);
  const unasked = { copied: 0, copiedFailed: 0, skipped: 0 };
  return { ...counts, ...unasked, failed: 0, failedByKind: {}, models: Object.fromEntries(models) };
}

/** The counts with one model's figures raised. */
export function countModel(counts: Counts, model: string, more: Partial<ModelCounts>): Counts {
  const sum = addModelCounts(own(counts.models, model), { ...NO_MODEL_COUNTS, ...more });
  return { ...counts, models: { ...counts.models, [model]: sum } };
}

/** The counts with one more failed item. `error` is its whole error text, `model` the last one asked, if any was. */
export function countFailure(counts: Counts, model: string, error: string): Counts {
  const kind = failureKind(error);
  const failed: Counts = {
    ...counts,
    failed: counts.failed + 1,
    failedByKind: { ...counts.failedByKind, [kind]: (own(counts.failedByKind, kind) ?? 0) + 1 },
  };
  return model === '' ? failed : countModel(failed, model, { failed: 1 });
}

/** What stands before the colon of an error text: `503: no nodes available` is of the kind `503`. */
export function failureKind(error: string): string {
  const colon = error.indexOf(':');
  return colon > 0 ? error.slice(0, colon) : 'error';
}

function addModelCounts(a: ModelCounts = NO_MODEL_COUNTS, b: ModelCounts = NO_MODEL_COUNTS): ModelCounts {
  return {
    sent: sumCounts(a.sent, b.sent),
    ok: sumCounts(a.ok, b.ok),
    failed: sumCounts(a.failed, b.failed),
    fallbacks: sumCounts(a.fallbacks, b.fallbacks),
    tokens: sumCounts(a.tokens, b.tokens),
    ...costOfBoth(a.cost, b.cost),
  };
}

function costOfBoth(a: number | undefined, b: number | undefined): { readonly cost?: number } {
  return a === undefined && b === undefined ? {} : { cost: sumCounts(a ?? 0, b ?? 0) };
}

/** Returns what all models have cost together, in billionths of a dollar; undefined if nobody knows a price. */
export function spentCost({ models }: Pick<Counts, 'models'>): number | undefined {
  const costs = Object.values(models).flatMap(({ cost }) => (cost === undefined ? [] : [cost]));
  return costs.length === 0 ? undefined : sumCounts(...costs);
}

function mergeRecords<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  add: (x: T | undefined, y: T | undefined) => T,
): Record<string, T> {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, add(own(a, key), own(b, key))]));
}
