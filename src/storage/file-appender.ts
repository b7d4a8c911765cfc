import type { FileHandle } from 'node:fs/promises';
import type { Appender } from './storage.js';

/** Longest time between two syncs of a file that is appended to (ms): what a power cut may cost. */
const SYNC_INTERVAL_MS = 1_000;

/** The file that a {@link FileAppender} appends to. */
export interface AppendedFile {
  /** Creates the file for appending; throws if it exists. */
  open(): Promise<FileHandle>;
  /** Makes the file's name durable. */
  syncName(): Promise<void>;
  /** Runs an action with its system errors translated. */
  call<T>(action: () => Promise<T>): Promise<T>;
}

/** Appends to a file of its own. */
export class FileAppender implements Appender {
  readonly syncIntervalMs = SYNC_INTERVAL_MS;
  readonly syncSize = Number.POSITIVE_INFINITY;
  private file: FileHandle | undefined;
  private nameSynced = false;
  /** Bytes that were written whole. */
  private length = 0;
  /** A write has failed and may have left a part of its bytes behind them. */
  private torn = false;

  constructor(private readonly target: AppendedFile) {}

  async append(content: string | Uint8Array): Promise<void> {
    await this.target.call(async () => {
      this.file ??= await this.target.open();
      // A full disk takes a part of a write: nothing may be appended to half a line.
      if (this.torn) await this.file.truncate(this.length);
      this.torn = true;
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      await writeAll(this.file, bytes);
      this.torn = false;
      this.length += bytes.byteLength;
    });
  }

  async sync(): Promise<void> {
    const { file } = this;
    if (file === undefined) return;
    await this.target.call(async () => {
      await file.datasync();
      if (!this.nameSynced) await this.target.syncName();
      this.nameSynced = true;
    });
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }
}

/** Writes until all is written: one write may accept less than it was given. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done);
    done += bytesWritten;
  }
}
