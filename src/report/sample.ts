/** What a page may hold in its table of rows. */
export interface RowLimits {
  readonly rows: number;
  /** Prompts and answers together, bytes, before they are compressed. */
  readonly bytes: number;
}

/** Up to here every row is in the table: 200,000 rows and 128 MB of text. A browser still searches that at once. */
export const DEFAULT_LIMITS: RowLimits = { rows: 200_000, bytes: 128_000_000 };

/** Rows by how they ended. */
export interface RowCounts {
  readonly ok: number;
  readonly failed: number;
}

/**
 * How many rows of each kind a table takes: all while they are within the limits; else the failed ones first, as far as
 * they leave half of the table to the answers, and as many answers as fit. `bytes` is the size of all rows' text.
 */
export function tableRows({ ok, failed }: RowCounts, bytes: number, limits: RowLimits): RowCounts {
  const rows = ok + failed;
  const fit = bytes > limits.bytes ? Math.floor((rows * limits.bytes) / bytes) : rows;
  const most = Math.max(1, Math.min(fit, limits.rows, rows));
  const failedRows = Math.min(failed, Math.max(Math.floor(most / 2), most - ok));
  return { ok: Math.min(ok, most - failedRows), failed: failedRows };
}

/** Chooses exactly `keep` of `total`, evenly spread, one after another. */
export class Spread {
  private seen = 0;

  constructor(
    private readonly total: number,
    private readonly keep: number,
  ) {}

  /** Whether the next one is chosen. */
  next(): boolean {
    const before = Math.floor((this.seen * this.keep) / this.total);
    this.seen++;
    return Math.floor((this.seen * this.keep) / this.total) > before;
  }
}
