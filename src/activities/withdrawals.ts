/** Tells packs under way here that their workflow wants them back; one for each plugin, whatever workers have it. */
export class Withdrawals {
  private readonly packs = new Map<string, Set<AbortController>>();

  /** Listens for one attempt of a pack, which calls `close` when it has ended. */
  listen(runId: string, activityId: string): { readonly withdrawn: AbortSignal; readonly close: () => void } {
    const key = keyOf(runId, activityId);
    const attempt = new AbortController();
    // An attempt that the server has given up may still run here beside the next one.
    const attempts = this.packs.get(key) ?? new Set();
    this.packs.set(key, attempts.add(attempt));
    const close = (): void => {
      attempts.delete(attempt);
      if (attempts.size === 0) this.packs.delete(key);
    };
    return { withdrawn: attempt.signal, close };
  }

  /** Withdraws a pack, if it is here: it ends after the request under way and hands back the rest. */
  withdraw(runId: string, activityId: string): void {
    for (const attempt of this.packs.get(keyOf(runId, activityId)) ?? []) attempt.abort();
  }
}

function keyOf(runId: string, activityId: string): string {
  return `${runId} ${activityId}`;
}
