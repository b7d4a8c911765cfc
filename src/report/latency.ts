/** Logarithm of the factor between two bucket borders: quantiles are within 1 % of the true ones. */
const STEP = Math.log(1.02);

/**
 * Latencies as a histogram whose buckets grow by 2 %: quantiles of any number of answers in bounded memory. The one in
 * `batch/latency.ts` travels in messages and is ten times as coarse: too coarse to be drawn.
 */
export class Latencies {
  private readonly buckets = new Map<number, number>();
  /** Latencies counted. */
  count = 0;
  /** The greatest, ms, exactly. */
  max = 0;
  /** The least, ms, exactly. */
  min = Infinity;

  /** Counts a latency, ms. What is under 1 ms counts as 1 ms. */
  add(ms: number): void {
    if (!Number.isFinite(ms)) return;
    const value = Math.max(1, ms);
    const bucket = Math.floor(Math.log(value) / STEP);
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
    this.count++;
    this.max = Math.max(this.max, value);
    this.min = Math.min(this.min, value);
  }

  /** The latency that a share `q` (0 to 1) of the answers did not exceed, ms; 0 when there are none. */
  quantile(q: number): number {
    let left = Math.max(1, Math.ceil(q * this.count));
    for (const bucket of this.sorted()) {
      left -= this.buckets.get(bucket) ?? 0;
      if (left <= 0) return Math.min(this.max, Math.max(this.min, Math.exp((bucket + 0.5) * STEP)));
    }
    return 0;
  }

  /** The share of the answers in each of `bins` equal steps of the logarithm between `low` and `high`, ms. */
  distribution(low: number, high: number, bins: number): number[] {
    const shares = new Array<number>(bins).fill(0);
    const width = Math.log(high / low) / bins;
    for (const [bucket, times] of this.buckets) {
      // A bucket is spread over the bins that it reaches into: borders that do not meet would draw teeth.
      const [from, to] = [bucket, bucket + 1].map((border) => (border * STEP - Math.log(low)) / width) as [
        number,
        number,
      ];
      for (let bin = Math.floor(from); bin < to; bin++) {
        const part = (Math.min(to, bin + 1) - Math.max(from, bin)) / (to - from);
        const inside = Math.min(bins - 1, Math.max(0, bin));
        shares[inside] = (shares[inside] ?? 0) + (part * times) / this.count;
      }
    }
    return shares;
  }

  private sorted(): number[] {
    return [...this.buckets.keys()].sort((a, b) => a - b);
  }
}
