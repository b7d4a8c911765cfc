import { encodeItems } from '../batch/item-ranges.js';
import { countLatency, type LatencyHistogram } from '../batch/latency.js';
import type { PackBeat } from '../batch/pack-beat.js';
import type { PackProgress, UnfinishedItem } from '../batch/work.js';
import type { SegmentRecord } from './segments.js';

/** What a request cost that brought no good answer. */
export interface WastedRequest {
  readonly tokens?: number | undefined;
  /** It brought an answer with nothing in it. */
  readonly isEmpty?: boolean | undefined;
}

/** Counts what one attempt of a pack has done. */
export class PackTally {
  private readonly open: Set<number>;
  private readonly unfinished: UnfinishedItem[] = [];
  private ok = 0;
  private truncated = 0;
  private tokens = 0;
  private answered = 0;
  private answerMs = 0;
  private empty = 0;
  private wastedTokens = 0;
  private latency: LatencyHistogram = {};
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

  /** An answer that came now: the request took `latencyMs`, the item on its lane `laneMs`. */
  answer(record: SegmentRecord, latencyMs: number, laneMs: number): void {
    this.open.delete(record.item);
    this.count(record);
    this.requests++;
    this.answered++;
    this.answerMs += laneMs;
    this.latency = countLatency(this.latency, latencyMs);
  }

  /** A request that brought no good answer; the item stays open. */
  wasted({ tokens = 0, isEmpty = false }: WastedRequest): void {
    this.requests++;
    this.wastedTokens += tokens;
    if (isEmpty) this.empty++;
  }

  /** Tokens spent by this attempt and those it has taken over. */
  get spentTokens(): number {
    return this.tokens + this.wastedTokens;
  }

  /** An item that goes back to the workflow with its error. */
  leave(unfinished: UnfinishedItem): void {
    this.open.delete(unfinished.item);
    this.unfinished.push(unfinished);
  }

  /** How far it is. */
  get counts(): Omit<PackBeat, 'model' | 'left'> {
    const { ok, truncated, tokens, requests, empty, wastedTokens } = this;
    return { ok, truncated, tokens, requests, empty, wastedTokens };
  }

  /** What the workflow is told; `segments` are those that count. */
  progress(segments: readonly string[]): PackProgress {
    return {
      segments,
      ...this.counts,
      latency: this.latency,
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
