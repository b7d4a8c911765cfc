import { HashBuckets } from './hash-buckets.js';
import { type Hash64, hash64, IdTable } from './id-table.js';
import type { ScratchFile } from './scratch-file.js';

/** Texts that are kept in memory: more of them are in a file. */
export const KEPT_TEXTS = 1_000_000;

/** Receives a text that a line has and an earlier one had. */
export type OnRepeat = (hash: Hash64, line: number, first: number) => void;

/**
 * Texts with the line that had each first, in bounded memory: as long as they are few a table, which finds a repeated text
 * at once, afterwards a file, which finds them all at the end.
 */
export class SpilledTable {
  private table: IdTable | undefined = new IdTable();
  private readonly buckets: HashBuckets;

  constructor(
    file: ScratchFile,
    private readonly kept = KEPT_TEXTS,
  ) {
    this.buckets = new HashBuckets(file);
  }

  /** False once a repeated text may go by without being found. */
  get isExact(): boolean {
    return this.table !== undefined;
  }

  /** Returns the line that had a text first; undefined if there is none, or none that is known yet. */
  find(text: string): number | undefined {
    return this.table?.find(text);
  }

  /** Enters a text. Returns the line that had it before, if that is known. */
  claim(text: string, line: number): number | undefined {
    const hash = hash64(text);
    if (this.table === undefined) {
      this.buckets.add(hash, line);
      return undefined;
    }
    const earlier = this.table.claimHash(hash, line);
    if (this.table.size >= this.kept) this.spill(this.table);
    return earlier;
  }

  /** Calls `onRepeat` for the repeated texts that {@link claim} has not found, in no order. */
  forEachRepeat(onRepeat: OnRepeat): void {
    if (this.table === undefined) this.buckets.forEachRepeat(onRepeat);
  }

  private spill(table: IdTable): void {
    table.forEach((hash, line) => {
      this.buckets.add(hash, line);
    });
    this.table = undefined;
  }
}
