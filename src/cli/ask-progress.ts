import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../batch/progress.js';
import type { BatchHandle } from '../client.js';

/** What is asked. */
type Asking = Pick<BatchHandle, 'progress'>;

/** What asking a run came to; `not-asked` when the time was used up before its turn. */
export type Asked = Progress | 'no-worker' | 'not-asked';

/** How a run goes, asked for so many ms: without a worker nobody answers (`late`), or the server says so (`refused`). */
export async function progressWithin(handle: Asking, ms: number): Promise<Progress | 'refused' | 'late'> {
  const answered = new AbortController();
  // Ended before its time it rejects, when nobody waits for it any more.
  const late = delay(ms, 'late' as const, { signal: answered.signal }).catch(() => 'late' as const);
  try {
    return await Promise.race([handle.progress().catch(() => 'refused' as const), late]);
  } finally {
    answered.abort();
  }
}

/** Asks many runs how they go, within a time that holds for all of them together. */
export class ProgressAsker {
  private end: number | undefined;
  private isOver = false;

  /** `withinMs` counts from the first question. */
  constructor(private readonly withinMs: number) {}

  /** How a run goes. Never rejects. */
  async ask(handle: Asking): Promise<Asked> {
    this.end ??= performance.now() + this.withinMs;
    const left = this.end - performance.now();
    if (this.isOver || left <= 0) return 'not-asked';
    const asked = await progressWithin(handle, left);
    // Noted, and not only by the clock: a timer fires up to 2 ms early.
    if (asked === 'late') this.isOver = true;
    return typeof asked === 'string' ? 'no-worker' : asked;
  }
}
