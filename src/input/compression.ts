import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { systemCode } from '../system-error.js';
import { InputError } from './errors.js';
import { printable } from './excerpt.js';

/** How a file is compressed. */
export type Compression = 'gzip' | 'zstd';

/** Bytes of a piece. */
const PIECE_BYTES = 256 * 1024;

/** Returns how a file is compressed, by its first bytes. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  return isZstd(head) ? 'zstd' : undefined;
}

/** True for a zstd frame; one that is to be skipped may be the first. */
function isZstd(head: Uint8Array): boolean {
  const [first = 0, ...others] = head.subarray(0, 4);
  if (first === 0x28) return Buffer.from(others).equals(Buffer.from([0xb5, 0x2f, 0xfd]));
  return first >= 0x50 && first <= 0x5f && Buffer.from(others).equals(Buffer.from([0x2a, 0x4d, 0x18]));
}

/** Returns the name of what is in a compressed file: `prompts.csv` for `prompts.csv.gz`. */
export function withoutExtension(name: string): string {
  return name.replace(/\.(gz|gzip|zst|zstd)$/i, '');
}

/** Decompresses a stream as it comes. Throws an `InputError` for one that is cut or damaged. */
export function decompressed(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  return compression === 'gzip' ? gunzipped(source, name) : unzstd(source, name);
}

async function* gunzipped(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  const fed = pipeline(Readable.from(source, { objectMode: false }), gunzip);
  fed.catch(() => undefined);
  try {
    yield* gunzip;
    await fed;
  } catch (error) {
    if (!systemCode(error)?.startsWith('Z_')) throw error;
    const how = systemCode(error) === 'Z_BUF_ERROR' ? 'is cut off' : 'is damaged';
    throw new InputError('DAMAGED', name, `${printable(name)} ${how}: its gzip does not decompress`, { cause: error });
  } finally {
    gunzip.destroy();
  }
}

/** Bytes that are decompressed at a time: of a hostile file 3 bytes may become 128 KiB. */
const ZSTD_BYTES = 2048;

/** Code of fzstd's error for a stream that ends early, and for one whose window is over 32 MiB. */
const [UNEXPECTED_EOF, WINDOW_TOO_LARGE] = [5, 1];

/** Decompresses zstd by the same code on all versions of Node: theirs came late and ends after the first frame. */
async function* unzstd(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { Decompress } = await import('fzstd');
  const pieces: Uint8Array[] = [];
  const stream = new Decompress((piece) => {
    if (piece.byteLength > 0) pieces.push(piece);
  });
  const push = (bytes: Uint8Array, isLast: boolean): Uint8Array[] => {
    try {
      stream.push(bytes, isLast);
      return pieces.splice(0);
    } catch (error) {
      throw zstdError(name, error);
    }
  };
  for await (const piece of source) {
    for (let at = 0; at < piece.byteLength; at += ZSTD_BYTES) yield* push(piece.subarray(at, at + ZSTD_BYTES), false);
  }
  yield* push(new Uint8Array(), true);
}

function zstdError(name: string, error: unknown): InputError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const how =
    code === UNEXPECTED_EOF
      ? 'is cut off: its zstd does not decompress'
      : code === WINDOW_TOO_LARGE
        ? 'was compressed by zstd with a window of more than 32 MiB: decompress it first'
        : 'is damaged: its zstd does not decompress';
  return new InputError('DAMAGED', name, `${printable(name)} ${how}`, { cause: error });
}
