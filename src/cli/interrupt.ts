/** Signals that ask a command to end. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** Resolves when a signal is aborted, and listens to it no longer than until `over`. */
export function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { signal: over });
  });
}

/**
 * Listens for Ctrl-C and its like. The first asks the command to end in good order; `onSecond` is called for every
 * further one, for somebody who will not wait. A terminal that closes (SIGHUP) ends only a command that is shown on it:
 * one that was put in the background, as by `nohup`, goes on.
 */
export function listenForInterrupt(onSecond: () => void): AbortSignal {
  const controller = new AbortController();
  const isShown = process.stderr.isTTY === true;
  if (!isShown) process.on('SIGHUP', () => undefined);
  for (const signal of isShown ? [...SIGNALS, 'SIGHUP' as const] : SIGNALS) {
    process.on(signal, () => {
      if (controller.signal.aborted) onSecond();
      else controller.abort(signal);
    });
  }
  return controller.signal;
}
