import { encodeItems } from '../batch/item-ranges.js';
import type { PackProgress, UnfinishedItem } from '../batch/work.js';
import type { SegmentRecord } from './segments.js';

/** Counts what one attempt of a pack has done. */
export class PackTally {
  private readonly open: Set<number>;
  private readonly unfinished: UnfinishedItem[] = [];
  private ok = 0;
  private truncated = 0;
  private tokens = 0;
  private answered = 0;
  private answerMs = 0;
  private requests: number;

  constructor(
    items: readonly number[],
    /** Requests made for these items by earlier attempts of the same activity. */
    private readonly earlier: number,
  ) {
    this.open = new Set(items);
    this.requests = earlier;
  }

  /** True while the item has neither an answer nor an error. */
  isOpen(item: number): boolean {
    return this.open.has(item);
  }

  /** True when every item is answered: nothing goes back to the workflow. */
  get isDone(): boolean {
    return this.open.size === 0 && this.unfinished.length === 0;
  }

  /** Items that have neither an answer nor an error yet. */
  get left(): number {
    return this.open.size;
  }

  /** An answer that an earlier attempt has written. Nothing when it is no item of this pack, or known already. */
  recovered(record: SegmentRecord): void {
    if (!this.open.delete(record.item)) return;
    this.count(record);
    // Where earlier requests are known, the one that brought this answer is among them.
    if (this.earlier === 0) this.requests++;
  }

  /** An answer that came now, after `latencyMs`. */
  answer(record: SegmentRecord, latencyMs: number): void {
    this.open.delete(record.item);
    this.count(record);
    this.requests++;
    this.answered++;
    this.answerMs += latencyMs;
  }

  /** A request that brought no answer; the item stays open. */
  asked(): void {
    this.requests++;
  }

  /** An item that goes back to the workflow with its error. */
  leave(unfinished: UnfinishedItem): void {
    this.open.delete(unfinished.item);
    this.unfinished.push(unfinished);
  }

  /** What the workflow is told; `segments` are those that count. */
  progress(segments: readonly string[]): PackProgress {
    return {
      segments,
      ok: this.ok,
      truncated: this.truncated,
      tokens: this.tokens,
      requests: this.requests,
      ...(this.answered > 0 ? { latencyMs: Math.round(this.answerMs / this.answered) } : {}),
      unfinished: this.unfinished,
      remaining: encodeItems([...this.open]),
    };
  }

  private count(record: SegmentRecord): void {
    this.ok++;
    this.tokens += record.result.tokens;
    if (record.truncated === true) this.truncated++;
  }
}
