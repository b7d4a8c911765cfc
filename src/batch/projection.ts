/** What a whole may come to, as far as a sample tells. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Standard errors around a mean within which the true one is nineteen times out of twenty. */
const CONFIDENCE = 1.96;

/**
 * What `count` further values sum to, by a sample of them: the sample's mean and twice its standard error either way,
 * never below 0. Undefined for an empty sample; of a single value, which tells no spread, half and twice.
 */
export function projectSum(sample: readonly number[], count: number): Range | undefined {
  const [first] = sample;
  if (first === undefined) return undefined;
  if (sample.length === 1) return { low: (first * count) / 2, high: first * count * 2 };
  const mean = sample.reduce((sum, value) => sum + value, 0) / sample.length;
  const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (sample.length - 1);
  const error = CONFIDENCE * Math.sqrt(variance / sample.length);
  return { low: Math.max(0, mean - error) * count, high: (mean + error) * count };
}
