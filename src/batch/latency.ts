import { sumCounts } from './numbers.js';
import { own } from './own.js';

/**
 * Times of answers, counted by size: how many fell into each bucket. Buckets grow by the fourth root of two, so that a
 * percentile is right to a tenth. Sparse and small: it travels in messages.
 */
export type LatencyHistogram = Readonly<Record<string, number>>;

/** Buckets to a doubling of the time. */
const PER_DOUBLING = 4;

/** Longest time that is told apart, ms: no request takes longer. */
const LONGEST_MS = 1e9;

/** The bucket of a time in ms; everything below 1 ms is in the first. */
function bucketOf(ms: number): number {
  return Math.round(Math.log2(Math.max(1, Math.min(ms, LONGEST_MS))) * PER_DOUBLING);
}

/** The time in ms that stands for a bucket. */
function msOf(bucket: number): number {
  return 2 ** (bucket / PER_DOUBLING);
}

/** The histogram with one more time, ms. */
export function countLatency(histogram: LatencyHistogram, ms: number): LatencyHistogram {
  const bucket = String(bucketOf(ms));
  return { ...histogram, [bucket]: (own(histogram, bucket) ?? 0) + 1 };
}

/** The sum of two histograms. */
export function addLatencies(a: LatencyHistogram, b: LatencyHistogram): LatencyHistogram {
  const sum: Record<string, number> = { ...a };
  for (const [bucket, count] of Object.entries(b)) sum[bucket] = sumCounts(own(sum, bucket) ?? 0, count);
  return sum;
}

/** The time in ms that a share of the answers (0 to 1) took at most, right to a tenth; undefined when there are none. */
export function latencyPercentile(histogram: LatencyHistogram, share: number): number | undefined {
  const buckets = bucketsOf(histogram);
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { ms, count } of buckets) {
    seen += count;
    if (seen >= share * total) return Math.round(ms);
  }
  return undefined;
}

/** What is in a histogram, shortest times first. */
function bucketsOf(histogram: LatencyHistogram): { readonly ms: number; readonly count: number }[] {
  return Object.entries(histogram)
    .map(([bucket, count]) => ({ ms: msOf(Number(bucket)), count }))
    .sort((a, b) => a.ms - b.ms);
}
