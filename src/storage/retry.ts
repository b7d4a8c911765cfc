import { type Storage, StorageError } from './storage.js';

/** First and longest wait before a failed call is repeated (ms). */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Which errors of storage are waited out, and for how long. */
export interface RetryOptions {
  /** Ends the retries when one is aborted: the last error is thrown. */
  readonly signals: readonly AbortSignal[];
  /** Returns true for an error that waiting may mend. Default: every {@link StorageError} that is not for good. */
  readonly mayPass?: (error: unknown) => boolean;
  /** Called with each error that is waited out. */
  readonly onWait?: (error: unknown) => void;
}

/** Repeats a storage call until it succeeds, so that a full disk or a brief outage does not use up an item's attempts. */
export async function withRetries<T>(
  call: () => Promise<T>,
  { signals, mayPass = isTransient, onWait }: RetryOptions,
): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!mayPass(error) || signals.some(({ aborted }) => aborted)) throw error;
      onWait?.(error);
      await pause(wait, signals);
    }
  }
}

/** Returns a storage that retries its reads; writes are unchanged. */
export function retryingReads(storage: Storage, options: RetryOptions): Storage {
  return {
    root: storage.root,
    check: () => storage.check(),
    put: (key, content) => storage.put(key, content),
    putNew: (key, content) => storage.putNew(key, content),
    putStream: (key, content) => storage.putStream(key, content),
    removeAll: (prefix) => storage.removeAll(prefix),
    remove: (keys) => storage.remove(keys),
    openAppend: (key) => storage.openAppend(key),
    growsInPlace: storage.growsInPlace,
    get: (key) => withRetries(() => storage.get(key), options),
    getRange: (key, start, end) => withRetries(() => storage.getRange(key, start, end), options),
    stream: (key) => withRetries(() => storage.stream(key), options),
    size: (key) => withRetries(() => storage.size(key), options),
    list: (prefix) => withRetries(() => storage.list(prefix), options),
  };
}

function isTransient(error: unknown): boolean {
  return error instanceof StorageError && !error.isForGood;
}

/** Waits until the time (ms) is over or a signal is aborted. */
function pause(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const signal of signals) signal.addEventListener('abort', done);
  });
}
