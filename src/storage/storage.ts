import type { Readable } from 'node:stream';

/**
 * Where a run's objects live. Keys are relative, `/`-separated. Objects are immutable once written: a `put` either
 * leaves the whole object or nothing (temporary name and rename, or one PUT).
 */
export interface Storage {
  /** The root as users write it: an absolute path or `s3://bucket/prefix`. For messages. */
  readonly root: string;
  /** Finds out whether the root can be used, as far as that can be told without writing. Throws {@link StorageError}. */
  check(): Promise<void>;
  /** Writes a whole object. */
  put(key: string, content: string | Uint8Array): Promise<void>;
  /** Writes an object from a stream, whole or not at all. */
  putStream(key: string, content: AsyncIterable<Uint8Array | string>): Promise<void>;
  /**
   * Writes an object whose key is known only at the end of its content: `name` is asked then. Not every storage can: it
   * may have to say the key first.
   */
  putNamedLater?(content: AsyncIterable<Uint8Array | string>, name: () => string): Promise<void>;
  /** Reads a whole object. Throws {@link StorageError} with code `NOT_FOUND` when there is none. */
  get(key: string): Promise<Uint8Array>;
  /** Reads `end - start` bytes from `start`; fewer only at the end of the object. */
  getRange(key: string, start: number, end: number): Promise<Uint8Array>;
  /** Streams an object. */
  stream(key: string): Promise<Readable>;
  /** Size in bytes, or undefined when there is no such object. */
  size(key: string): Promise<number | undefined>;
  /** Keys that start with `prefix`, in no particular order. */
  list(prefix: string): Promise<string[]>;
  /** Removes everything under a prefix that ends with `/`. No error when there is nothing. */
  removeAll(prefix: string): Promise<void>;
}

/**
 * Why a storage call failed. `UNAVAILABLE` may pass by waiting, and `DENIED` when somebody gives the right; what is
 * `NOT_FOUND`, or `DAMAGED` (it is there, but is not what was written), does not come by itself.
 */
export type StorageErrorCode = 'NOT_FOUND' | 'DENIED' | 'UNAVAILABLE' | 'DAMAGED';

/** A failed storage call, with the key it was about and the root it lives under. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  constructor(
    readonly code: StorageErrorCode,
    readonly key: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** True when no waiting brings the object. */
  get isForGood(): boolean {
    return this.code === 'NOT_FOUND' || this.code === 'DAMAGED';
  }
}

/** The error of an object that is not what was written: cut off, or other bytes. `how` says what shows it. */
export function damaged({ root }: Pick<Storage, 'root'>, key: string, how: string, cause?: unknown): StorageError {
  return new StorageError('DAMAGED', key, `${root}/${key}: it is damaged: ${how}`, { cause });
}
