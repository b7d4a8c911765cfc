/** A number of items for one model. */
export interface ModelShare {
  readonly model: string;
  readonly items: number;
}

/** Something that gets a share in proportion to its weight. */
export interface Weighted {
  readonly model: string;
  /** Not negative; at least one weight must be positive when there is anything to give. */
  readonly weight: number;
}

/**
 * Divides `total` items in proportion to the weights, by largest remainder (Hamilton's method): the shares are whole,
 * sum to `total`, and none is a whole item away from its exact proportion. Ties go to the earlier entry.
 */
export function apportion(total: number, weighted: readonly Weighted[]): ModelShare[] {
  const weightSum = weighted.reduce((sum, entry) => sum + entry.weight, 0);
  if (total === 0 || weighted.length === 0) return weighted.map(({ model }) => ({ model, items: 0 }));
  if (weightSum <= 0) throw new RangeError('apportion: no weight is positive');
  const exact = weighted.map(({ weight }) => (total * weight) / weightSum);
  const shares = exact.map(Math.floor);
  const missing = total - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = exact
    .map((value, index) => ({ index, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder.slice(0, missing)) shares[index] = (shares[index] ?? 0) + 1;
  return weighted.map(({ model }, index) => ({ model, items: shares[index] ?? 0 }));
}

/**
 * Takes one chunk's `items` out of what the whole run has left for each model, in the same proportions, so that the
 * chunks together give every model exactly its share of the run.
 * Returns the chunk's shares and what is left for the chunks after it.
 */
export function takeShares(
  items: number,
  left: readonly ModelShare[],
): { readonly taken: ModelShare[]; readonly left: ModelShare[] } {
  const taken = apportion(
    items,
    left.map(({ model, items: weight }) => ({ model, weight })),
  );
  return {
    taken,
    left: left.map(({ model, items: before }, index) => ({ model, items: before - (taken[index]?.items ?? 0) })),
  };
}
