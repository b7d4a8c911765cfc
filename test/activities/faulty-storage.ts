import type { Readable } from 'node:stream';
import { type Appender, type Storage, StorageError } from '../../src/storage/storage.js';

/** Which call of the storage fails: its name and its key. */
export type Fault = (call: keyof Storage, key: string) => boolean;

/** A real storage whose calls fail while `fault` says so. */
export class FaultyStorage implements Storage {
  constructor(
    private readonly storage: Storage,
    private readonly fault: Fault,
  ) {}

  check(): Promise<void> {
    return this.storage.check();
  }

  get root(): string {
    return this.storage.root;
  }

  async put(key: string, content: string | Uint8Array): Promise<void> {
    this.disturb('put', key);
    await this.storage.put(key, content);
  }

  async putNew(key: string, content: string | Uint8Array): Promise<boolean> {
    this.disturb('putNew', key);
    return await this.storage.putNew(key, content);
  }

  async putStream(key: string, content: AsyncIterable<Uint8Array | string>): Promise<void> {
    this.disturb('putStream', key);
    await this.storage.putStream(key, content);
  }

  async get(key: string): Promise<Uint8Array> {
    this.disturb('get', key);
    return await this.storage.get(key);
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    this.disturb('getRange', key);
    return await this.storage.getRange(key, start, end);
  }

  async stream(key: string): Promise<Readable> {
    this.disturb('stream', key);
    return await this.storage.stream(key);
  }

  async size(key: string): Promise<number | undefined> {
    this.disturb('size', key);
    return await this.storage.size(key);
  }

  async list(prefix: string): Promise<string[]> {
    this.disturb('list', prefix);
    return await this.storage.list(prefix);
  }

  async removeAll(prefix: string): Promise<void> {
    this.disturb('removeAll', prefix);
    await this.storage.removeAll(prefix);
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.disturb('remove', key);
    await this.storage.remove(keys);
  }

  get growsInPlace(): boolean {
    return this.storage.growsInPlace;
  }

  openAppend(key: string): Appender {
    const appender = this.storage.openAppend(key);
    return {
      syncIntervalMs: appender.syncIntervalMs,
      syncSize: appender.syncSize,
      append: async (content) => {
        this.disturb('openAppend', key);
        await appender.append(content);
      },
      sync: async () => {
        this.disturb('openAppend', key);
        await appender.sync();
      },
      close: () => appender.close(),
    };
  }

  private disturb(call: keyof Storage, key: string): void {
    if (this.fault(call, key)) throw new StorageError('UNAVAILABLE', key, `${key}: the disk is full`);
  }
}
