import { type Storage, StorageError } from '../storage/storage.js';

/** First and longest wait before a failed call is tried again, ms. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** How long to be patient, and whom to tell. */
export interface Patience {
  /** When one is aborted the tries end: the newest error is thrown. */
  readonly signals: readonly AbortSignal[];
  /** True for an error that may pass by waiting. Default: every {@link StorageError} that is not for good. */
  readonly mayPass?: (error: unknown) => boolean;
  /** Called with each error that is waited out. */
  readonly onWait?: (error: unknown) => void;
}

/**
 * Calls storage until it works. Disks fill up and services stumble for a while: an attempt at an item, which costs
 * one of the few it has, is no way to wait for them.
 */
export async function patiently<T>(
  call: () => Promise<T>,
  { signals, mayPass = passesByWaiting, onWait }: Patience,
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

/** A storage whose reads are patient; writes are as they were. */
export function patientReads(storage: Storage, patience: Patience): Storage {
  return {
    root: storage.root,
    check: () => storage.check(),
    put: (key, content) => storage.put(key, content),
    putStream: (key, content) => storage.putStream(key, content),
    removeAll: (prefix) => storage.removeAll(prefix),
    get: (key) => patiently(() => storage.get(key), patience),
    getRange: (key, start, end) => patiently(() => storage.getRange(key, start, end), patience),
    stream: (key) => patiently(() => storage.stream(key), patience),
    size: (key) => patiently(() => storage.size(key), patience),
    list: (prefix) => patiently(() => storage.list(prefix), patience),
  };
}

function passesByWaiting(error: unknown): boolean {
  return error instanceof StorageError && !error.isForGood;
}

/** Waits so many ms, or until a signal is aborted. */
export function pause(ms: number, signals: readonly AbortSignal[]): Promise<void> {
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
