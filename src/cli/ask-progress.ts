import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../batch/progress.js';
import type { BatchHandle } from '../client.js';

/** What asking a run came to; `not-asked` when the time was used up before its turn. */
export type Asked = Progress | 'no-worker' | 'not-asked';

/** Asks many runs how they go, within a time that holds for all of them together: without a worker nobody answers. */
export class ProgressAsker {
  private end: number | undefined;
  private isOver = false;

  /** `withinMs` counts from the first question. */
  constructor(private readonly withinMs: number) {}

  /** How a run goes. Never rejects. */
  async ask(handle: Pick<BatchHandle, 'progress'>): Promise<Asked> {
    this.end ??= performance.now() + this.withinMs;
    const left = this.end - performance.now();
    if (this.isOver || left <= 0) return 'not-asked';
    const answered = new AbortController();
    // Ended before its time it rejects, when nobody waits for it any more.
    const late = this.timeIsUp(left, answered.signal).catch(() => 'no-worker' as const);
    try {
      return await Promise.race([handle.progress().catch(() => 'no-worker' as const), late]);
    } finally {
      answered.abort();
    }
  }

  private async timeIsUp(afterMs: number, signal: AbortSignal): Promise<'no-worker'> {
    await delay(afterMs, undefined, { signal });
    // Noted, and not only by the clock: a timer fires up to 2 ms early.
    this.isOver = true;
    return 'no-worker';
  }
}
