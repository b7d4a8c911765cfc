import type { Storage } from '../storage/storage.js';
import { inputKey } from './run-directory.js';

/** Maximum bytes waiting to be written: enough to keep reading and writing from blocking each other. */
const WAITING_BYTES = 16 << 20;

/** Minimum size of an input to be stored while it is read (bytes). Smaller ones are quickly read twice. */
const WORTH_BYTES = 64 << 20;

/**
 * Stores an input while it is read, so that a large one is read only once. The object gets its key, which follows from
 * the content, by {@link keep}; otherwise it is removed.
 */
export class StoredCopy {
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private state: 'open' | 'kept' | 'discarded' = 'open';
  private sha256 = '';
  /** Wakes the waiting side: the reader waits for space, the writer for bytes. */
  private wake: () => void = () => undefined;
  private readonly written: Promise<boolean>;

  constructor(store: NonNullable<Storage['putNamedLater']>) {
    this.written = store(this.pieces(), () => inputKey(this.sha256)).then(
      () => true,
      // A full disk, or discarded: staging finds the input missing and writes it again, or reports why it cannot.
      () => false,
    );
    void this.written.then(() => this.end());
  }

  /** Yields the input's pieces and stores each of them. */
  async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of source) {
      await this.room();
      if (this.state === 'open') this.take(piece);
      yield piece;
    }
  }

  /** Stores the copy under the key of its content. Returns false if it could not be written. */
  async keep(sha256: string): Promise<boolean> {
    this.sha256 = sha256;
    if (this.state === 'open') this.state = 'kept';
    this.wake();
    return await this.written;
  }

  /** Removes what was written, unless the copy is kept. */
  async discard(): Promise<void> {
    this.end();
    await this.written;
  }

  private take(piece: Uint8Array): void {
    this.waiting.push(piece);
    this.waitingBytes += piece.byteLength;
    this.wake();
  }

  private end(): void {
    if (this.state === 'open') this.state = 'discarded';
    this.waiting.length = 0;
    this.wake();
  }

  private async room(): Promise<void> {
    while (this.waitingBytes >= WAITING_BYTES && this.state === 'open') await this.change();
  }

  private async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (this.state === 'discarded') throw new Error('the input is not wanted');
      const piece = this.waiting.shift();
      if (piece !== undefined) {
        yield piece;
        this.waitingBytes -= piece.byteLength;
        this.wake();
      } else if (this.state === 'kept') {
        return;
      } else {
        await this.change();
      }
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

/**
 * Starts to store an input while it is read. Returns undefined if that does not pay: for a small input, for one whose
 * content may be there already, and for a storage that needs an object's key before its content.
 */
export async function beginCopy(storage: Storage, bytes: number | undefined): Promise<StoredCopy | undefined> {
  const { putNamedLater } = storage;
  if (putNamedLater === undefined || bytes === undefined || bytes < WORTH_BYTES) return undefined;
  try {
    const sizes = await Promise.all((await storage.list('inputs/')).map((key) => storage.size(key)));
    if (sizes.includes(bytes)) return undefined;
  } catch {
    // The next call to the storage reports what is wrong with it.
    return undefined;
  }
  return new StoredCopy(putNamedLater.bind(storage));
}
