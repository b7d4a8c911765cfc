import { inputKey } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';

/** Bytes that may wait to be written: enough that reading and writing do not wait for each other all the time. */
const WAITING_BYTES = 16 << 20;

/** Inputs from here on, bytes, are worth storing while they are read: less is read twice in no time. */
const WORTH_BYTES = 64 << 20;

/**
 * An input that is stored while it is read, so that a large one is read once. The object is written under a name of its
 * own and gets its key, which follows from the content, by {@link keep}; without it nothing stays.
 */
export class StoredCopy {
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private state: 'open' | 'kept' | 'discarded' = 'open';
  private sha256 = '';
  /** Wakes whoever waits for the other side: the one that reads for room, the one that writes for bytes. */
  private wake: () => void = () => undefined;
  private readonly written: Promise<boolean>;

  constructor(store: NonNullable<Storage['putNamedLater']>) {
    this.written = store(this.pieces(), () => inputKey(this.sha256)).then(
      () => true,
      // A full disk, or discarded: whoever stages the input finds it missing, and sends it then or says why not.
      () => false,
    );
    void this.written.then(() => this.end());
  }

  /** Passes the input on, each piece to be stored as well. */
  async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of source) {
      await this.room();
      if (this.state === 'open') this.take(piece);
      yield piece;
    }
  }

  /** Makes the copy the object of the input with this content. False when it could not be written. */
  async keep(sha256: string): Promise<boolean> {
    this.sha256 = sha256;
    if (this.state === 'open') this.state = 'kept';
    this.wake();
    return await this.written;
  }

  /** Removes what was written. Nothing for a copy that is kept. */
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
 * Begins to store an input of so many bytes while it is read. Undefined where that is not worth it: a small input, one
 * whose content may be there already, a storage that must know an object's key before its content.
 */
export async function beginCopy(storage: Storage, bytes: number | undefined): Promise<StoredCopy | undefined> {
  const { putNamedLater } = storage;
  if (putNamedLater === undefined || bytes === undefined || bytes < WORTH_BYTES) return undefined;
  try {
    const sizes = await Promise.all((await storage.list('inputs/')).map((key) => storage.size(key)));
    if (sizes.includes(bytes)) return undefined;
  } catch {
    // Whoever needs the storage next says what is wrong with it.
    return undefined;
  }
  return new StoredCopy(putNamedLater.bind(storage));
}
