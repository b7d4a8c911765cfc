import type { Appender } from './storage.js';

/** Longest time that bytes wait for their PUT (ms), and their number that does not wait: each PUT is billed. */
const SYNC_INTERVAL_MS = 2_000;
const SYNC_SIZE = 8 << 20;

/** Bytes that wait in memory before nothing more is taken, however slow the bucket is. */
const MOST_QUEUED = 2 * SYNC_SIZE;

/** Appends to a bucket, whose objects cannot grow: each sync writes what has come since as further objects. */
export class S3Appender implements Appender {
  readonly syncIntervalMs = SYNC_INTERVAL_MS;
  readonly syncSize = SYNC_SIZE;
  private readonly queued: Uint8Array[] = [];
  private queuedBytes = 0;
  private syncs: Promise<void> = Promise.resolve();
  /** What a sync that failed was writing. It keeps its bytes: a reader may have seen the object all the same. */
  private unwritten: Buffer | undefined;
  private objects = 0;

  constructor(
    private readonly put: (key: string, content: Uint8Array) => Promise<void>,
    private readonly key: string,
  ) {}

  async append(content: string | Uint8Array): Promise<void> {
    if (this.queuedBytes >= MOST_QUEUED) await this.sync();
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.queued.push(bytes);
    this.queuedBytes += bytes.byteLength;
  }

  sync(): Promise<void> {
    const sync = this.syncs.then(() => this.writeQueued());
    this.syncs = sync.catch(() => undefined);
    return sync;
  }

  private async writeQueued(): Promise<void> {
    if (this.unwritten !== undefined) await this.write(this.unwritten);
    while (this.queued.length > 0) await this.write(this.nextObject());
  }

  /** Takes bytes for an object from the queue: no more than are put at once, unless one append was more. */
  private nextObject(): Buffer {
    const taken: Uint8Array[] = [];
    let bytes = 0;
    for (const [at, piece] of this.queued.entries()) {
      if (at > 0 && bytes + piece.byteLength > SYNC_SIZE) break;
      taken.push(piece);
      bytes += piece.byteLength;
    }
    this.queued.splice(0, taken.length);
    this.queuedBytes -= bytes;
    return Buffer.concat(taken);
  }

  async close(): Promise<void> {}

  private async write(content: Buffer): Promise<void> {
    this.unwritten = content;
    await this.put(numbered(this.key, this.objects + 1), content);
    this.unwritten = undefined;
    this.objects++;
  }
}

/** The key of the n-th object: `name-000001.jsonl`. */
function numbered(key: string, n: number): string {
  const dot = key.lastIndexOf('.');
  return `${key.slice(0, dot)}-${String(n).padStart(6, '0')}${key.slice(dot)}`;
}
