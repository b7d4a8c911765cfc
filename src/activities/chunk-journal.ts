import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { log } from '@temporalio/activity';
import { runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { patiently } from './patience.js';
import { listBlocks, readBlocks, type SegmentRecord, warnOfDamage } from './segments.js';

/**
 * What a worker writes and has read of one chunk's segments. The packs of a chunk that are on this worker share it, so
 * that their answers go into one object at a time: each write costs a sync of the disk, or a PUT.
 */
export class ChunkJournal {
  private lines: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private queued: Promise<void> | undefined;
  private blocks = 0;
  private readonly name = randomBytes(6).toString('hex');
  private readonly seen = new Set<string>();
  private readonly found = new Map<number, SegmentRecord>();
  private reading: Promise<void> | undefined;
  private readonly abandoned = new AbortController();
  /** What the last write failed with, while it is tried again. */
  failing: unknown;
  /** Emits `failed` for each try of a write that fails. */
  readonly events = new EventEmitter<{ failed: [] }>().setMaxListeners(0);

  constructor(
    private readonly storage: Storage,
    private readonly run: string,
    private readonly chunk: number,
    /** Longest time that a line waits to be written, ms. */
    private readonly flushIntervalMs: number,
  ) {}

  /** Takes a line of a block. */
  add(line: string): void {
    this.lines.push(line);
    this.timer ??= setTimeout(() => void this.flush().catch(() => undefined), this.flushIntervalMs);
  }

  /** Writes all lines taken so far; at most one write is under way, and what comes meanwhile shares the next. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines.length === 0) return this.queued ?? this.writing;
    this.queued ??= this.queueWrite();
    return this.queued;
  }

  /** Waits until the write that fails is good. */
  async written(): Promise<void> {
    await this.writing;
  }

  /** The worker writes no more here: a write that fails is not tried again. */
  abandon(): void {
    clearTimeout(this.timer);
    this.abandoned.abort();
  }

  /**
   * The answers to items that are in storage, whoever has written them. Storage is read when the journal is new, and
   * with `fresh` once more for what others have written since.
   */
  async earlier(storage: Storage, items: readonly number[], fresh: boolean): Promise<SegmentRecord[]> {
    if (this.reading === undefined || fresh) {
      this.reading = this.read(storage, this.reading);
      // Whoever comes next reads anew what could not be read now.
      this.reading.catch(() => {
        this.reading = undefined;
      });
    }
    await this.reading;
    return items.flatMap((item) => this.found.get(item) ?? []);
  }

  private async read(storage: Storage, before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => undefined);
    const names = (await listBlocks(storage, this.run, this.chunk)).filter((name) => !this.seen.has(name));
    const segments = await readBlocks(storage, this.run, this.chunk, names, warnOfDamage);
    for (const name of names) this.seen.add(name);
    for (const records of segments.values()) {
      for (const record of records) if (!this.found.has(record.item)) this.found.set(record.item, record);
    }
  }

  private queueWrite(): Promise<void> {
    const queued = this.writing
      .catch(() => undefined)
      .then(async () => {
        this.queued = undefined;
        const content = this.lines.join('');
        this.lines = [];
        await this.write(content);
      });
    this.writing = queued;
    // The error is thrown to whoever waits for it; until then it is no unhandled rejection.
    queued.catch(() => undefined);
    return queued;
  }

  private async write(content: string): Promise<void> {
    const key = runDirectory(this.run).block(this.chunk, `${this.name}-${this.blocks++}`);
    await patiently(() => this.storage.put(key, content), {
      signals: [this.abandoned.signal],
      mayPass: (error) => this.mayPass(error),
    });
    this.failing = undefined;
  }

  private mayPass(error: unknown): boolean {
    const message = error instanceof Error ? error.message : String(error);
    if (this.failing === undefined) log.warn(`answers cannot be written, and wait: ${message}`);
    this.failing = error;
    this.events.emit('failed');
    return error instanceof StorageError;
  }
}
