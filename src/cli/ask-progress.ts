import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../batch/progress.js';
import type { BatchHandle } from '../client.js';

/** What asking a run came to; `not-asked` when the time was used up before its turn. */
export type Asked = Progress | 'no-worker' | 'not-asked';

/** Asks many runs how they go, within a time that holds for all of them together: without a worker nobody answers. */
export class ProgressAsker {
  private end: number | undefined;

  /** `withinMs` counts from the first question. */
  constructor(private readonly withinMs: number) {}

  /** How a run goes. Never rejects. */
  async ask(handle: Pick<BatchHandle, 'progress'>): Promise<Asked> {
    this.end ??= performance.now() + this.withinMs;
    const left = this.end - performance.now();
    if (left <= 0) return 'not-asked';
    const answered = new AbortController();
    const late = delay(left, 'no-worker' as const, { signal: answered.signal });
    // Ended before its time it rejects, when nobody waits for it any more.
    late.catch(() => undefined);
    try {
      return await Promise.race([handle.progress().catch(() => 'no-worker' as const), late]);
    } finally {
      answered.abort();
    }
  }
}
