import { Readable } from 'node:stream';
import { type Appender, type Storage, StorageError } from '../../src/storage/storage.js';

/** A storage of one's own, written against the exported interface: objects in the memory of this process. */
export class MemoryStorage implements Storage {
  readonly root = 'memory';
  readonly growsInPlace = true;
  readonly objects = new Map<string, Buffer>();

  async check(): Promise<void> {}

  async put(key: string, content: string | Uint8Array): Promise<void> {
    this.objects.set(key, Buffer.from(content));
  }

  async putNew(key: string, content: string | Uint8Array): Promise<boolean> {
    if (this.objects.has(key)) return false;
    await this.put(key, content);
    return true;
  }

  async putStream(key: string, content: AsyncIterable<Uint8Array | string>): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of content) pieces.push(Buffer.from(piece));
    this.objects.set(key, Buffer.concat(pieces));
  }

  async get(key: string): Promise<Uint8Array> {
    return this.object(key);
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    return this.object(key).subarray(start, end);
  }

  async stream(key: string): Promise<Readable> {
    return Readable.from([this.object(key)]);
  }

  async size(key: string): Promise<number | undefined> {
    return this.objects.get(key)?.length;
  }

  async list(prefix: string): Promise<string[]> {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix));
  }

  async removeAll(prefix: string): Promise<void> {
    await this.remove(await this.list(prefix));
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }

  openAppend(key: string): Appender {
    return {
      syncIntervalMs: 1000,
      syncSize: 1 << 20,
      append: async (content: string | Uint8Array) => {
        this.objects.set(key, Buffer.concat([this.objects.get(key) ?? Buffer.alloc(0), Buffer.from(content)]));
      },
      sync: async () => {},
      close: async () => {},
    };
  }

  private object(key: string): Buffer {
    const object = this.objects.get(key);
    if (object === undefined) throw new StorageError('NOT_FOUND', key, `${key}: there is none`);
    return object;
  }
}
