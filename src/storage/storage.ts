import type { Readable } from 'node:stream';

/**
 * Where the objects of runs are kept. Keys are relative and `/`-separated. A `put` leaves the whole object or nothing
 * (temporary name and rename, or one PUT); only an {@link Appender}'s object may grow.
 */
export interface Storage {
  /** The root as users write it: an absolute path or `s3://bucket/prefix`. For messages. */
  readonly root: string;
  /** Checks without writing whether the root can be used. Throws {@link StorageError}. */
  check(): Promise<void>;
  /** Writes a whole object. */
  put(key: string, content: string | Uint8Array): Promise<void>;
  /**
   * Writes a whole object unless there is one under its key. Returns false if there is: of several writers at once one
   * gets true.
   */
  putNew(key: string, content: string | Uint8Array): Promise<boolean>;
  /** Writes an object from a stream, whole or not at all. */
  putStream(key: string, content: AsyncIterable<Uint8Array | string>): Promise<void>;
  /**
   * Writes an object whose key is known only after its content: `name` is called then. Absent if the storage needs the
   * key first.
   */
  putNamedLater?(content: AsyncIterable<Uint8Array | string>, name: () => string): Promise<void>;
  /** Reads a whole object. Throws {@link StorageError} with code `NOT_FOUND` if there is none. */
  get(key: string): Promise<Uint8Array>;
  /** Reads `end - start` bytes from `start`; fewer only at the end of the object. */
  getRange(key: string, start: number, end: number): Promise<Uint8Array>;
  /** Streams an object. */
  stream(key: string): Promise<Readable>;
  /** Returns the size (bytes); undefined if there is no such object. */
  size(key: string): Promise<number | undefined>;
  /** Returns the keys that start with `prefix`, in no particular order. */
  list(prefix: string): Promise<string[]>;
  /** Removes everything under a prefix that ends with `/`. Does not fail if there is nothing. */
  removeAll(prefix: string): Promise<void>;
  /** Removes objects. Does not fail for those that are not there. */
  remove(keys: readonly string[]): Promise<void>;
  /**
   * Opens an object to append to; the object is created by the first append. The key must be new and have an extension:
   * a storage whose objects cannot grow numbers them before it (`name-000001.jsonl`).
   */
  openAppend(key: string): Appender;
  /** True if an object grows as it is appended to; false if each sync makes a further object. */
  readonly growsInPlace: boolean;
}

/** The one writer of an object that grows. A failed call may be repeated and then continues with the same bytes. */
export interface Appender {
  /** Appends bytes; one call at a time. In a folder they survive the process then, in a bucket they are only queued. */
  append(content: string | Uint8Array): Promise<void>;
  /** Makes what was appended durable and visible to other machines; one call at a time. */
  sync(): Promise<void>;
  /** Longest time that appended bytes should wait for a sync (ms). */
  readonly syncIntervalMs: number;
  /** Number of appended bytes that should not wait for the interval. */
  readonly syncSize: number;
  close(): Promise<void>;
}

/**
 * Why a storage call failed. `UNAVAILABLE` may pass by waiting, `DENIED` once access is granted. `NOT_FOUND` and `DAMAGED`
 * (the object is there but is not what was written) are permanent.
 */
export type StorageErrorCode = 'NOT_FOUND' | 'DENIED' | 'UNAVAILABLE' | 'DAMAGED';

/** A failed storage call, with the key it was about and the root it lives under. */
export class StorageError extends Error {
  /** Its name, also in another realm. */
  override readonly name = 'StorageError';
  constructor(
    /** Why the call failed. */
    readonly code: StorageErrorCode,
    /** Key of the object. */
    readonly key: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** True if waiting cannot bring the object. */
  get isForGood(): boolean {
    return this.code === 'NOT_FOUND' || this.code === 'DAMAGED';
  }
}

/** Returns the error for an object that is not what was written. `how` describes the evidence. */
export function damaged({ root }: Pick<Storage, 'root'>, key: string, how: string, cause?: unknown): StorageError {
  return new StorageError('DAMAGED', key, `${root}/${key}: it is damaged: ${how}`, { cause });
}
