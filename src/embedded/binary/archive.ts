import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** A tar archive is made of blocks of 512 bytes (POSIX ustar). */
const BLOCK = 512;

/** Bound on what is unpacked: the program has about 150 MB. */
const MAX_PROGRAM_BYTES = 600 * 1024 * 1024;

/**
 * Unpacks one regular file out of a gzipped tar stream into `target`, which must not exist. Nothing else of the
 * archive touches the disk, so no path or link in it can lead anywhere. Throws when the file is not in it, is larger
 * than 600 MB, or the archive ends before it does.
 */
export async function extractFile(archive: AsyncIterable<Uint8Array>, name: string, target: string): Promise<void> {
  let found = false;
  await pipeline(archive, createGunzip(), async (source: AsyncIterable<Buffer>) => {
    const reader = new BlockReader(source);
    for (;;) {
      const header = await reader.read(BLOCK);
      if (!header || header.every((byte) => byte === 0)) break;
      const size = octal(header, 124, 12);
      const padded = Math.ceil(size / BLOCK) * BLOCK;
      if (isRegularFile(header) && text(header, 0, 100) === name) {
        await writeEntry(reader, size, target);
        await reader.skip(padded - size);
        found = true;
      } else {
        await reader.skip(padded);
      }
    }
    await reader.drain();
  });
  if (!found) throw new Error(`the archive has no file ${name}`);
}

async function writeEntry(reader: BlockReader, size: number, target: string): Promise<void> {
  if (size > MAX_PROGRAM_BYTES) throw new Error(`the program in the archive has ${size} bytes, more than is allowed`);
  const file = createWriteStream(target, { flags: 'wx', mode: 0o755 });
  await pipeline(reader.take(size), file);
  if (!file.closed) await once(file, 'close');
}

function isRegularFile(header: Buffer): boolean {
  const type = header[156];
  return type === 0x30 || type === 0;
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end).replace(/^\.\//, '');
}

function octal(header: Buffer, start: number, length: number): number {
  const value = Number.parseInt(text(header, start, length).trim() || '0', 8);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error('the archive is damaged');
  return value;
}

/** Reads a stream in pieces of chosen sizes. */
class BlockReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; undefined at the end of the stream. Throws when it ends in between. */
  async read(length: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    for await (const piece of this.take(length, true)) pieces.push(piece);
    return pieces.length === 0 ? undefined : Buffer.concat(pieces);
  }

  async skip(length: number): Promise<void> {
    for await (const _ of this.take(length));
  }

  /** The next `length` bytes as they come. With `orNothing` the stream may be at its end already. */
  async *take(length: number, orNothing = false): AsyncGenerator<Buffer, void, void> {
    let left = length;
    while (left > 0) {
      if (this.#rest.length === 0 && !(await this.#fill())) {
        if (orNothing && left === length) return;
        throw new Error('the archive ends too early');
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Reads to the end, so that the checksum of the compressed stream is verified. */
  async drain(): Promise<void> {
    while (await this.#fill());
  }

  async #fill(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#rest = next.value;
    return true;
  }
}
