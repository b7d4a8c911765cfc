/** Widths of a bin, ms, each a multiple of the one before; after the last they double. */
const WIDTHS: readonly number[] = [
  100, 500, 1_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000,
  43_200_000, 86_400_000,
];

/** Bins that are kept while they are counted; with more, the next width is taken. */
const MAX_KEPT = 4096;

/** How many moments fell into each of some consecutive bins. */
export interface Binned {
  /** Start of the first bin, epoch ms; a multiple of `width`. */
  readonly start: number;
  /** Width of a bin, ms. */
  readonly width: number;
  /** At least one bin; the first and the last are not empty. */
  readonly counts: readonly number[];
}

/** Counts moments over a span that nobody knows beforehand, in bounded memory. */
export class TimeBins {
  private width = WIDTHS[0] ?? 1;
  private bins = new Map<number, number>();

  /** Counts a moment, epoch ms. */
  add(at: number): void {
    if (!Number.isFinite(at)) return;
    addTo(this.bins, Math.floor(at / this.width), 1);
    while (this.bins.size > MAX_KEPT) this.widen();
  }

  /** The counts in at most `most` bins of the least width that allows it; undefined when there is nothing. */
  binned(most: number): Binned | undefined {
    if (this.bins.size === 0) return undefined;
    while (this.span().bins > most) this.widen();
    const { first, bins } = this.span();
    const counts = Array.from({ length: bins }, (_, position) => this.bins.get(first + position) ?? 0);
    return { start: first * this.width, width: this.width, counts };
  }

  private span(): { readonly first: number; readonly bins: number } {
    let [first, last] = [Infinity, -Infinity];
    for (const bin of this.bins.keys()) {
      first = Math.min(first, bin);
      last = Math.max(last, bin);
    }
    return { first, bins: last - first + 1 };
  }

  private widen(): void {
    const width = WIDTHS.find((candidate) => candidate > this.width) ?? this.width * 2;
    const wider = new Map<number, number>();
    for (const [bin, times] of this.bins) addTo(wider, Math.floor((bin * this.width) / width), times);
    this.width = width;
    this.bins = wider;
  }
}

function addTo(bins: Map<number, number>, bin: number, times: number): void {
  bins.set(bin, (bins.get(bin) ?? 0) + times);
}
