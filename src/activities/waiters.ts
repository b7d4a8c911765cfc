/** A request that waits until it may be sent. */
export interface Waiter {
  /** Ends its wait. `mayGo`: it may be sent; false if it is not wanted any more. */
  settle(mayGo: boolean): void;
}

/**
 * Adds a waiter with these facts to those that wait, and removes it once it is settled. Resolves to false if a signal is
 * aborted first.
 */
export function waitAmong<Facts extends object>(
  waiters: Set<Facts & Waiter>,
  facts: Facts,
  signals: readonly AbortSignal[],
): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = (): void => waiter.settle(false);
    const waiter: Facts & Waiter = {
      ...facts,
      settle: (mayGo) => {
        waiters.delete(waiter);
        for (const signal of signals) signal.removeEventListener('abort', stop);
        resolve(mayGo);
      },
    };
    waiters.add(waiter);
    for (const signal of signals) signal.addEventListener('abort', stop);
  });
}
