import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FormatError } from '../../src/batch/output-format.js';
import { checkCompression, compressed } from '../../src/formats/compress.js';

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of source) found.push(piece);
  return Buffer.concat(found);
}

const HAS_ZSTD = 'zstdDecompressSync' in zlib;

describe('compressed results', () => {
  test('are what gzip opens', async () => {
    const text = 'line\n'.repeat(50_000);
    const bytes = await all(compressed(pieces(text, text), 'gzip'));
    expect(bytes.length).toBeLessThan(10_000);
    expect(String(zlib.gunzipSync(bytes))).toBe(text + text);
    expect(String(zlib.gunzipSync(await all(compressed(pieces(), 'gzip'))))).toBe('');
  });

  test('end with the error of their source', async () => {
    const failing = async function* () {
      yield Buffer.from('half');
      throw new Error('the storage is gone');
    };
    await expect(all(compressed(failing(), 'gzip'))).rejects.toThrow('the storage is gone');
  });

  test('need not be read to their end', async () => {
    let ended = false;
    const endless = async function* () {
      try {
        for (;;) yield Buffer.from(String(Math.random()).repeat(1000));
      } finally {
        ended = true;
      }
    };
    for await (const _ of compressed(endless(), 'gzip')) break;
    expect(ended).toBe(true);
  });

  test.runIf(HAS_ZSTD)('are what Zstandard opens', async () => {
    const bytes = await all(compressed(pieces('a\n'.repeat(1000)), 'zstd'));
    expect(bytes.subarray(0, 4)).toEqual(Buffer.of(0x28, 0xb5, 0x2f, 0xfd));
    const { zstdDecompressSync }: Record<string, unknown> = { ...zlib };
    if (typeof zstdDecompressSync !== 'function') throw new Error('no Zstandard');
    expect(String(zstdDecompressSync(bytes))).toBe('a\n'.repeat(1000));
  });

  test.runIf(!HAS_ZSTD)('are refused with what a Node without Zstandard needs', () => {
    expect(() => checkCompression('zstd')).toThrow(FormatError);
    expect(() => checkCompression('zstd')).toThrow(/Node 22.15 or newer.*\.gz/);
    checkCompression('gzip');
  });
});
