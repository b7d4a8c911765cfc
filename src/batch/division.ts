/** Sum of weights above which they are scaled down: a division over more nodes is right to a ten-thousandth. */
const MAX_CYCLE = 10_000;

/**
 * Divides the items `[from, to)` of a sequence among weights. Consecutive calls add up: whatever the ranges, after `n`
 * items every weight has its exact part of `n`, rounded up or down. Returns as many numbers as there are weights.
 *
 * The sequence is that of Balinski and Young's quota method: each item goes to the weight that is furthest behind, among
 * those for which one more item is no more than its part rounded up. It repeats after as many items as the weights sum to.
 */
export function divide(weights: readonly number[], from: number, to: number): number[] {
  const cycle = wholeWeights(weights);
  const start = prefix(cycle, from);
  return prefix(cycle, to).map((count, index) => count - (start[index] ?? 0));
}

/** Divides one number of items among weights; see {@link divide}. */
export function apportion(items: number, weights: readonly number[]): number[] {
  return divide(weights, 0, items);
}

function wholeWeights(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum <= MAX_CYCLE && weights.every(Number.isInteger)) return [...weights];
  return weights.map((weight) => (weight > 0 ? Math.max(1, Math.round((weight * MAX_CYCLE) / sum)) : 0));
}

/** Items that each weight has of the first `items` of the sequence. */
function prefix(weights: readonly number[], items: number): number[] {
  const cycle = cycleOf(weights);
  if (cycle.length === 0) return weights.map(() => 0);
  const cycles = Math.floor(items / cycle.length);
  const counts = weights.map((weight) => weight * cycles);
  for (const next of cycle.slice(0, items - cycles * cycle.length)) counts[next] = (counts[next] ?? 0) + 1;
  return counts;
}

/** The cycles of the newest weights: a run cuts all its packs by a few. */
const cycles = new Map<string, readonly number[]>();
const KEPT_CYCLES = 8;

/** Returns one cycle of the sequence: for each item the index of its weight. */
function cycleOf(weights: readonly number[]): readonly number[] {
  const key = weights.join();
  const known = cycles.get(key);
  if (known !== undefined) return known;
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const counts = weights.map(() => 0);
  const cycle = Array.from({ length: sum }, (_, at) => {
    const next = furthestBehind(weights, counts, (at + 1) / sum);
    counts[next] = (counts[next] ?? 0) + 1;
    return next;
  });
  const [oldest] = cycles.keys();
  if (oldest !== undefined && cycles.size >= KEPT_CYCLES) cycles.delete(oldest);
  cycles.set(key, cycle);
  return cycle;
}

function furthestBehind(weights: readonly number[], counts: readonly number[], part: number): number {
  let best = -1;
  let bestRank = 0;
  for (const [index, weight] of weights.entries()) {
    const count = counts[index] ?? 0;
    // A little above: `part` is a rounded fraction, and a weight that is due exactly now is not early.
    if (count >= weight * part - 1e-9) continue;
    const rank = weight / (count + 1);
    if (rank > bestRank) {
      best = index;
      bestRank = rank;
    }
  }
  return best;
}
