import type { Storage } from '../storage/storage.js';
import { ChunkJournal } from './chunk-journal.js';

/** Journals that are kept though no pack uses them now: the next pack of the chunk need not read storage again. */
const KEPT = 20;

/** The journals of the chunks that a worker works on; one for each worker. */
export class Journals {
  private readonly journals = new Map<string, { readonly journal: ChunkJournal; users: number }>();

  constructor(
    private readonly storage: Storage,
    private readonly flushIntervalMs: number,
  ) {}

  /**
   * The journal of a chunk, for one pack, which calls `leave` when it has ended. `execution` is the chunk's workflow run:
   * another run under the same id, whose input may be another, shares nothing with it.
   */
  join(execution: string, run: string, chunk: number): { readonly journal: ChunkJournal; readonly leave: () => void } {
    const key = `${execution} ${chunk} ${run}`;
    const known = this.journals.get(key);
    const journal = known?.journal ?? new ChunkJournal(this.storage, run, chunk, this.flushIntervalMs);
    const entry = { journal, users: (known?.users ?? 0) + 1 };
    this.journals.delete(key);
    this.journals.set(key, entry);
    return { journal, leave: () => this.leave(key) };
  }

  private leave(key: string): void {
    const entry = this.journals.get(key);
    if (entry === undefined) return;
    entry.users--;
    // Nobody waits for its writes any more: what still fails is not tried for ever.
    if (entry.users === 0 && entry.journal.failing !== undefined) this.drop(key);
    const unused = [...this.journals].filter(([, { users }]) => users === 0);
    for (const [oldest] of unused.slice(0, Math.max(0, unused.length - KEPT))) this.drop(oldest);
  }

  private drop(key: string): void {
    this.journals.get(key)?.journal.abandon();
    this.journals.delete(key);
  }
}
