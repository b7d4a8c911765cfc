import type { Storage } from '../storage/storage.js';
import { type ItemHistory, indexedRecord, OutcomeIndex } from './outcome-index.js';
import { type OutcomeRecord, outcomeLine } from './outcomes.js';
import { runDirectory } from './run-directory.js';
import { SegmentLog } from './segment-log.js';
import { listSegments, type OnWarn, readSegments, segmentName } from './segments.js';

/** How to look for earlier outcomes. */
export interface EarlierOptions {
  /** Read what others have written since the last time; else storage is read only once. */
  readonly fresh: boolean;
  /** The storage to read from, if its reads are to be retried. Default: the log's own. */
  readonly storage?: Storage;
}

/**
 * The outcomes of a chunk's items on one worker: what it appends to a segment of its own, and what others have written.
 * All packs of the chunk on the worker share it, so that their outcomes share writes and syncs.
 */
export class ChunkLog {
  private readonly name = segmentName();
  private readonly segment: SegmentLog;
  private readonly index = new OutcomeIndex();
  /** How far each segment of others has been read. */
  private readonly ends = new Map<string, number>();
  private reading: Promise<void> | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly run: string,
    private readonly chunk: number,
    private readonly onWarn: OnWarn,
    /** Longest time that a record waits for a sync (ms). Default: the storage's. */
    syncIntervalMs?: number,
  ) {
    const appender = storage.openAppend(runDirectory(run).segment(chunk, this.name));
    this.segment = new SegmentLog(appender, onWarn, syncIntervalMs);
  }

  /** Error of the last write while it is retried. */
  get failing(): unknown {
    return this.segment.failing;
  }

  /** Appends a record; `line` is an answer's output line, if it is not what its result serialises to. Resolves when it survives this process; in a bucket when it is queued for the next PUT. */
  append(record: OutcomeRecord, line?: string): Promise<void> {
    this.index.add(indexedRecord(record));
    return this.segment.append(outcomeLine(record, line));
  }

  /**
   * Resolves when all records so far are durable and visible to other workers. Throws if they cannot be written and
   * `signal` aborts.
   */
  async flush(signal?: AbortSignal): Promise<void> {
    await this.segment.settled(this.segment.sync(), signal);
  }

  /** Waits while writes fail. Throws the failure if `signal` aborts meanwhile. */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.segment.ready(signal);
  }

  /** Returns what is known of those of the items that have an outcome or a failed attempt, whichever worker wrote it. */
  async earlier(
    items: readonly number[],
    { fresh, storage = this.storage }: EarlierOptions,
  ): Promise<ReadonlyMap<number, ItemHistory>> {
    if (this.reading === undefined || fresh) this.reading = this.readAfter(this.reading, storage);
    await this.reading;
    const found = new Map<number, ItemHistory>();
    for (const item of items) {
      const history = this.index.get(item);
      if (history !== undefined) found.set(item, history);
    }
    return found;
  }

  /** Ends the retries of writes that fail. */
  abandon(): void {
    this.segment.abandon();
  }

  /** Writes and syncs what is left and closes the segment. */
  async close(): Promise<void> {
    await this.segment.close();
  }

  private readAfter(before: Promise<void> | undefined, storage: Storage): Promise<void> {
    const reading = (before ?? Promise.resolve()).catch(() => undefined).then(() => this.read(storage));
    // The next caller reads again what could not be read now.
    reading.catch(() => {
      if (this.reading === reading) this.reading = undefined;
    });
    return reading;
  }

  private async read(storage: Storage): Promise<void> {
    const own = runDirectory(this.run).segment(this.chunk, this.name).slice(0, -'.jsonl'.length);
    const keys = await listSegments(storage, this.run, this.chunk);
    const wanted = keys
      .filter((key) => !key.startsWith(own) && (storage.growsInPlace || !this.ends.has(key)))
      .map((key) => ({ key, from: this.ends.get(key) ?? 0 }));
    for await (const { key, records, end } of readSegments(storage, wanted, this.onWarn)) {
      this.ends.set(key, end);
      for (const record of records) this.index.add(record);
    }
  }
}
