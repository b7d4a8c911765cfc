import { EventEmitter } from 'node:events';
import { withRetries } from '../storage/retry.js';
import { type Appender, StorageError } from '../storage/storage.js';
import type { OnWarn } from './segments.js';

/** What a log does with its object, each one at a time. */
type Operation = 'append' | 'sync';

/** Bytes of one write, unless a single line is longer. */
const WRITE_BYTES = 4 << 20;

/** Lines that are written together. */
interface Batch {
  readonly lines: Uint8Array[];
  bytes: number;
}

/**
 * Appends lines to a segment of its own. Lines that come while a write is under way share the next write. A write that
 * fails is retried until it succeeds or the log is abandoned: the answers in it are paid for.
 */
export class SegmentLog {
  /** The lines of the last write, which has not begun. */
  private next: Batch | undefined;
  private writes: Promise<void> = Promise.resolve();
  private syncs: Promise<void> = Promise.resolve();
  private unsynced = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly failures = new Map<Operation, unknown>();
  private readonly abandoned = new AbortController();
  private readonly events = new EventEmitter<{ failed: [] }>().setMaxListeners(0);

  constructor(
    private readonly appender: Appender,
    private readonly onWarn: OnWarn,
    /** Longest time that a line waits for a sync (ms). */
    private readonly syncIntervalMs: number = appender.syncIntervalMs,
  ) {}

  /** Error of the last write while it is retried. */
  get failing(): unknown {
    return [...this.failures.values()][0];
  }

  /** Appends a line. Resolves when it survives this process; in a bucket when it is queued for the next PUT. */
  append(line: string | Uint8Array): Promise<void> {
    const bytes = typeof line === 'string' ? Buffer.from(line) : line;
    if (this.next === undefined || this.next.bytes + bytes.byteLength > WRITE_BYTES) this.next = this.queueWrite();
    this.next.lines.push(bytes);
    this.next.bytes += bytes.byteLength;
    // It is the last write there is.
    return this.writes;
  }

  /** Resolves when everything appended so far is durable and visible to other machines. */
  sync(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const written = this.writes;
    this.syncs = handled(
      this.syncs
        .catch(() => undefined)
        .then(async () => {
          await written;
          await this.syncWritten();
        }),
    );
    return this.syncs;
  }

  /** Waits while writes fail, so that no answer is bought that cannot be kept. Throws the failure if `signal` aborts. */
  async ready(signal?: AbortSignal): Promise<void> {
    if (this.failing !== undefined) await this.settled(this.sync(), signal);
  }

  /** Waits for a write. Throws its failure if it fails after `signal` is aborted. */
  settled(write: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined) return write;
    return new Promise((resolve, reject) => {
      // A write that does not fail is worth its moment, also to a worker that shuts down.
      const check = (): void => {
        if (signal.aborted && this.failing !== undefined) reject(this.failing);
      };
      signal.addEventListener('abort', check);
      this.events.on('failed', check);
      check();
      write.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', check);
        this.events.off('failed', check);
      });
    });
  }

  /** Ends the retries: pending writes reject. */
  abandon(): void {
    clearTimeout(this.timer);
    this.abandoned.abort();
  }

  /** Writes and syncs what is left and closes the object. */
  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      clearTimeout(this.timer);
      await this.appender.close();
    }
  }

  private queueWrite(): Batch {
    const batch: Batch = { lines: [], bytes: 0 };
    this.writes = handled(this.writes.catch(() => undefined).then(() => this.write(batch)));
    return batch;
  }

  private async write(batch: Batch): Promise<void> {
    if (this.next === batch) this.next = undefined;
    const [first] = batch.lines;
    const content = first !== undefined && batch.lines.length === 1 ? first : Buffer.concat(batch.lines);
    await this.retried('append', () => this.appender.append(content));
    this.syncSoon(content.byteLength);
  }

  private async syncWritten(): Promise<void> {
    const size = this.unsynced;
    if (size === 0) return;
    this.unsynced = 0;
    try {
      await this.retried('sync', () => this.appender.sync());
    } catch (error) {
      this.unsynced += size;
      throw error;
    }
  }

  private syncSoon(size: number): void {
    this.unsynced += size;
    const isLarge = this.unsynced >= this.appender.syncSize;
    if (isLarge) void this.sync();
    else this.timer ??= setTimeout(() => void this.sync(), this.syncIntervalMs).unref();
  }

  private async retried(operation: Operation, action: () => Promise<void>): Promise<void> {
    const signals = [this.abandoned.signal];
    await withRetries(action, { signals, mayPass: (error) => this.mayPass(operation, error) });
    this.failures.delete(operation);
  }

  private mayPass(operation: Operation, error: unknown): boolean {
    const message = error instanceof Error ? error.message : String(error);
    if (!this.failures.has(operation)) this.onWarn(`outcomes cannot be written and wait: ${message}`);
    this.failures.set(operation, error);
    this.events.emit('failed');
    return error instanceof StorageError;
  }
}

/** The error is thrown to whoever awaits it; until then it is no unhandled rejection. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}
