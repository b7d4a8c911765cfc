/** Where a row stands among all: those with the lowest keys are the sample. */
interface Rank {
  readonly key: number;
  readonly row: number;
}

/**
 * Returns a number that a row has under a seed, from 0 to 2^53: as good as drawn by lot, and the same each time. So a sample
 * keeps nearly all of its rows if rows are added at the end of the input.
 */
export function sampleKey(seed: number, row: number): number {
  const high = mix(mix(seed >>> 0, Math.floor(seed / 2 ** 32)), row >>> 0);
  const low = mix(high ^ 0x9e3779b9, Math.floor(row / 2 ** 32));
  return (high >>> 5) * 2 ** 26 + (low >>> 6);
}

/** Mixes two 32-bit numbers, by the finalizer of MurmurHash3. */
function mix(a: number, b: number): number {
  let hash = Math.imul(a, 0xcc9e2d51) ^ Math.imul(b + 0x7f4a7c15, 0x1b873593);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Finds which rows are in a sample, in 16 bytes for each row of it: a heap with the highest rank on top. */
export class Sampler {
  private keys = new Float64Array(64);
  private rows = new Float64Array(64);
  private count = 0;

  constructor(
    private readonly size: number,
    private readonly seed: number,
  ) {}

  /** Takes the number of a row that may be in the sample. */
  add(row: number): void {
    const rank = { key: sampleKey(this.seed, row), row };
    if (this.count < this.size) this.push(rank);
    else if (isBefore(rank, this.at(0))) this.sink(rank);
  }

  /** Returns whether a row that was added is in the sample of all that were. */
  has(row: number): boolean {
    return this.count > 0 && !isBefore(this.at(0), { key: sampleKey(this.seed, row), row });
  }

  private push(rank: Rank): void {
    if (this.count === this.keys.length) this.grow();
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(this.at(parent), rank)) break;
      this.put(at, this.at(parent));
      at = parent;
    }
    this.put(at, rank);
  }

  /** Puts a rank in the place of the highest. */
  private sink(rank: Rank): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.count) break;
      const right = left + 1;
      const child = right < this.count && isBefore(this.at(left), this.at(right)) ? right : left;
      if (!isBefore(rank, this.at(child))) break;
      this.put(at, this.at(child));
      at = child;
    }
    this.put(at, rank);
  }

  private at(place: number): Rank {
    return { key: this.keys[place] ?? 0, row: this.rows[place] ?? 0 };
  }

  private put(place: number, { key, row }: Rank): void {
    this.keys[place] = key;
    this.rows[place] = row;
  }

  private grow(): void {
    const { keys, rows } = this;
    this.keys = new Float64Array(2 * keys.length);
    this.rows = new Float64Array(2 * rows.length);
    this.keys.set(keys);
    this.rows.set(rows);
  }
}

function isBefore(a: Rank, b: Rank): boolean {
  return a.key < b.key || (a.key === b.key && a.row < b.row);
}
