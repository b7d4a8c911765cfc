import type { ChunkJournal } from './chunk-journal.js';
import { blockLine, type SegmentRecord } from './segments.js';

/**
 * Writes the segment of one attempt of one pack, by way of the chunk's journal. A write that fails is tried again until
 * it succeeds: the answers in it are paid for. Meanwhile {@link ready} holds the next question back.
 */
export class SegmentWriter {
  private empty = true;

  constructor(
    private readonly journal: ChunkJournal,
    /** What this attempt and no other has: workflow run, activity, attempt, a random part. */
    private readonly name: string,
    /** Ends the waiting for a write: the worker goes, or the attempt is no longer wanted. */
    private readonly signal: AbortSignal,
  ) {}

  /** Names of the segments that have an answer: one, or none. */
  get names(): string[] {
    return this.empty ? [] : [this.name];
  }

  /** Takes a finished answer. */
  add(record: SegmentRecord): void {
    this.empty = false;
    this.journal.add(blockLine(this.name, record));
  }

  /** Waits while writes fail: nothing more is bought while what was bought cannot be kept. */
  async ready(): Promise<void> {
    if (this.journal.failing !== undefined) await this.orAborted(this.journal.written());
  }

  /** Writes what is left. Throws when it cannot be written before the signal. */
  async close(): Promise<void> {
    if (!this.empty) await this.orAborted(this.journal.flush());
  }

  private orAborted(written: Promise<void>): Promise<void> {
    const { journal, signal } = this;
    return new Promise((resolve, reject) => {
      // A write that does not fail is worth the moment that it takes, also to a worker that goes.
      const look = (): void => {
        if (signal.aborted && journal.failing !== undefined) reject(journal.failing);
      };
      signal.addEventListener('abort', look);
      journal.events.on('failed', look);
      look();
      written.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', look);
        journal.events.off('failed', look);
      });
    });
  }
}
