import { type FileHandle, mkdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import { InputError } from '../input/errors.js';
import { printable } from '../input/excerpt.js';
import { DEFAULT_MAX_LINE_BYTES } from '../input/lines.js';
import { openNameless } from '../input/nameless-file.js';

/** Bytes of a read. */
const READ_BYTES = 1 << 20;

/** Bytes that are judged, and lines in them of which one at least must begin as an item does. */
const HEAD_BYTES = 256 * 1024;
const NO_ITEM_LINES = 100;
const LIKE_ITEM = /^(?:\xef\xbb\xbf)?[ \t]*\{[ \t]*"/m;
const LF = 0x0a;

/**
 * An input that is read a second time though its source can be read once, or only with effort: kept in a file without a
 * name, which is gone with the process, however that ends.
 */
export class Spool {
  private constructor(
    private readonly handle: FileHandle,
    private readonly leave: () => Promise<void>,
  ) {}

  /** Makes the file in the data directory; elsewhere if that cannot be. */
  static async open(dataDir: string): Promise<Spool> {
    const { handle, leave } = await namelessFile(dataDir);
    return new Spool(handle, leave);
  }

  /**
   * Passes a stream on and keeps it. Throws an `InputError` for a line that is too long for any item and, if the stream is
   * as somebody gave it, for one that has no items, as `/dev/zero`: before it fills the disk.
   */
  async *fill(
    source: AsyncIterable<Uint8Array>,
    name: string,
    isGiven: boolean,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const check = new SpoolCheck(name, isGiven);
    for await (const piece of source) {
      const content = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      check.push(content);
      await this.handle.writeFile(content);
      yield content;
    }
  }

  /** Reads the bytes `[start, end)`, all by default. */
  readonly read = (start = 0, end = Number.POSITIVE_INFINITY): Readable =>
    this.handle.createReadStream({
      start,
      end: Math.max(start, end - 1),
      autoClose: false,
      highWaterMark: READ_BYTES,
    });

  /** Removes the file. */
  async remove(): Promise<void> {
    await this.handle.close();
    await this.leave();
  }
}

/** Looks at what goes by for signs that it is no JSONL and may not end. */
class SpoolCheck {
  private readonly head = Buffer.alloc(HEAD_BYTES);
  private headBytes = 0;
  private lineBytes = 0;

  constructor(
    private readonly name: string,
    private readonly isGiven: boolean,
  ) {}

  push(piece: Buffer): void {
    if (this.isGiven && this.headBytes < HEAD_BYTES) this.judge(piece);
    const lineEnd = piece.lastIndexOf(LF);
    this.lineBytes = lineEnd === -1 ? this.lineBytes + piece.length : piece.length - lineEnd - 1;
    if (this.lineBytes > DEFAULT_MAX_LINE_BYTES) throw this.refusal('has a line of more than 64 MiB');
  }

  /** Judges by the first bytes, however they come in pieces. */
  private judge(piece: Buffer): void {
    this.headBytes += piece.copy(this.head, this.headBytes);
    if (this.headBytes < HEAD_BYTES) return;
    const text = this.head.toString('latin1');
    const lines = text.split('\n').length - 1;
    if (lines >= NO_ITEM_LINES && !LIKE_ITEM.test(text)) throw this.refusal(`has no item in its first ${lines} lines`);
  }

  private refusal(why: string): InputError {
    return new InputError('NOT_TEXT', this.name, `${printable(this.name)} ${why}: give lines like {"prompt": "…"}`);
  }
}

/** Makes a file and takes its name away. `leave` removes what was made for it. */
async function namelessFile(dataDir: string): Promise<{ handle: FileHandle; leave: () => Promise<void> }> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // Only a folder that is still empty goes: nothing was started.
    return { handle: await openNameless(dataDir), leave: () => rmdir(dataDir).catch(() => undefined) };
  } catch {
    return { handle: await openNameless(tmpdir()), leave: async () => undefined };
  }
}
