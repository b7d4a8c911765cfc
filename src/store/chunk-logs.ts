import type { Storage } from '../storage/storage.js';
import { ChunkLog } from './chunk-log.js';
import type { OnWarn } from './segments.js';

/** Logs that are kept without a user, so that the next pack of the chunk need not read storage again. */
const KEPT = 20;

interface Entry {
  readonly log: ChunkLog;
  readonly users: number;
}

/** A log that one pack uses until it calls `leave`. */
export interface JoinedLog {
  readonly log: ChunkLog;
  readonly leave: () => void;
}

/** The logs of the chunks that a worker works on. */
export class ChunkLogs {
  private readonly logs = new Map<string, Entry>();

  constructor(
    private readonly storage: Storage,
    private readonly onWarn: OnWarn,
    /** Longest time that a record waits for a sync (ms). Default: the storage's. */
    private readonly syncIntervalMs?: number,
  ) {}

  /**
   * Returns the log of a chunk. `execution` is the chunk's workflow run: another run under the same id, whose input may
   * be another, shares nothing with it.
   */
  join(execution: string, run: string, chunk: number): JoinedLog {
    const key = keyOf(execution, run, chunk);
    const entry = this.logs.get(key);
    const log = entry?.log ?? new ChunkLog(this.storage, run, chunk, this.onWarn, this.syncIntervalMs);
    this.logs.delete(key);
    this.logs.set(key, { log, users: (entry?.users ?? 0) + 1 });
    return { log, leave: () => this.leave(key) };
  }

  /** Closes the log of a chunk whose part is written. */
  forget(execution: string, run: string, chunk: number): void {
    const key = keyOf(execution, run, chunk);
    if (this.logs.get(key)?.users === 0) void this.drop(key);
  }

  /** Writes what is left and closes all logs; writes that fail are given up. To be called when the worker has ended. */
  async close(): Promise<void> {
    const keys = [...this.logs.keys()];
    await Promise.all(keys.map((key) => this.drop(key)));
  }

  private leave(key: string): void {
    const entry = this.logs.get(key);
    if (entry === undefined) return;
    const users = entry.users - 1;
    this.logs.set(key, { log: entry.log, users });
    // Nothing waits for its writes any more: what still fails is not retried for ever.
    if (users === 0 && entry.log.failing !== undefined) void this.drop(key);
    const unused = [...this.logs].filter(([, other]) => other.users === 0);
    for (const [oldest] of unused.slice(0, Math.max(0, unused.length - KEPT))) void this.drop(oldest);
  }

  private async drop(key: string): Promise<void> {
    const log = this.logs.get(key)?.log;
    this.logs.delete(key);
    if (log === undefined) return;
    if (log.failing !== undefined) log.abandon();
    // Its packs have ended and flushed: what cannot be written now is answered again.
    await log.close().catch(() => undefined);
  }
}

function keyOf(execution: string, run: string, chunk: number): string {
  return `${execution} ${chunk} ${run}`;
}
