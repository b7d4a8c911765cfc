import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/input/errors.js';
import { openParquetRows } from '../../../src/input/formats/parquet.js';
import type { InputFile } from '../../../src/input/input-file.js';
import type { Row } from '../../../src/input/rows.js';
import { fileOf, pipeOf, recordsOf, refusalOf, scanned } from '../input-world.js';

/** A file that pyarrow has written (`parquet/make.py`). */
function written(name: string): Buffer {
  return readFileSync(new URL(`parquet/${name}.parquet`, import.meta.url));
}

async function rowsOf(file: InputFile, wanted?: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  const source = await openParquetRows({ file, format: 'parquet', compression: undefined, content: file.stream });
  for await (const batch of source.batches(wanted)) for (const row of batch) if ('values' in row) rows.push(row);
  return rows;
}

async function columnOf(name: string): Promise<unknown[]> {
  return (await rowsOf(fileOf('types.parquet', written('types')), [name])).map(({ values }) => values[0]);
}

describe('a Parquet file', () => {
  it.each(['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4'])(
    'is read whole if it is compressed with %s',
    async (codec) => {
      const records = await recordsOf(fileOf(`${codec}.parquet`, written(codec)));
      expect(records).toEqual(Array.from({ length: 300 }, (_, id) => ({ prompt: `What is ${id} times ${id}?`, id })));
    },
  );

  it('is known by its content, whatever its name', async () => {
    expect(await recordsOf(fileOf('prompts', written('zstd')))).toHaveLength(300);
  });

  it('may be in gzip', async () => {
    expect(await recordsOf(fileOf('in.parquet.gz', gzipSync(written('snappy'))))).toHaveLength(300);
  });

  it('reads no bytes of columns that are not wanted', async () => {
    const bytes = written('types');
    const file = fileOf('types.parquet', bytes);
    let read = 0;
    const counting = {
      ...file,
      readRange: async (start: number, end: number) => {
        read += end - start;
        return bytes.subarray(start, end);
      },
    };
    const rows = await rowsOf(counting, ['flag']);
    expect(rows.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    const footer = 8 + bytes.length;
    expect(read - footer).toBeLessThan(1000);
  });

  it.each<[string, unknown[]]>([
    ['prompt', ['Why?', 'How, "exactly"?', null, '語 🙂', 'line\nbreak']],
    ['id', [1, 2, 3, 9007199254740993n, 5]],
    ['small', [1, -2, null, 4, 5]],
    ['unsigned', [1, 2, 3, 4, 18446744073709551615n]],
    ['score', [0.5, 1.25, null, 'NaN', 'Infinity']],
    ['flag', [true, false, null, true, false]],
    ['day', ['2026-11-30', '1969-12-31', null, '2000-02-29', '0001-01-01']],
    [
      'ms',
      [
        '1970-01-01T00:00:00.000Z',
        '2025-11-30T12:00:00.123Z',
        null,
        '1969-12-31T23:59:59.999Z',
        '1970-01-01T00:00:00.005Z',
      ],
    ],
    [
      'us',
      [
        '1970-01-01T00:00:00.000000Z',
        '2025-11-30T12:00:00.123456Z',
        null,
        '1969-12-31T23:59:59.999999Z',
        '1970-01-01T00:00:00.000005Z',
      ],
    ],
    [
      'ns',
      [
        '1970-01-01T00:00:00.000000000Z',
        '2025-11-30T12:00:00.123456789Z',
        null,
        '1969-12-31T23:59:59.999999999Z',
        '1970-01-01T00:00:00.000000005Z',
      ],
    ],
    ['price', [12.5, -0.01, null, 99999999.99, 0]],
    ['tags', [['a', 'b'], [], null, ['c'], [null]]],
    ['meta', [{ n: 1, at: '2026-01-02' }, { n: null, at: null }, null, { n: 4, at: null }, { n: 5, at: null }]],
    ['pairs', [{ k: 1 }, {}, null, { x: 2, y: 3 }, {}]],
  ])('has JSON values in the column %s', async (name, values) => {
    expect((await columnOf(name)).map((value) => value ?? null)).toEqual(values);
  });

  it('may have 10,000 columns', async () => {
    const columnData = Array.from({ length: 10_000 }, (_, at) => ({ name: `c${at}`, data: [at] }));
    const bytes = parquetWriteBuffer({ columnData: [...columnData, { name: 'prompt', data: ['Why?'] }] });
    expect(await recordsOf(fileOf('wide.parquet', new Uint8Array(bytes)))).toEqual([{ prompt: 'Why?' }]);
  });
});

describe('a Parquet file is refused with the reason:', () => {
  const refusal = (bytes: Uint8Array) => refusalOf([fileOf('in.parquet', bytes)]);

  it('a null prompt, with its row and column', async () => {
    expect(await refusal(written('types'))).toMatch(/^in\.parquet, row 3, column "prompt": .*null/m);
  });

  it('bytes that are no text, with their column', async () => {
    await expect(columnOf('bytes')).rejects.toThrow(/types\.parquet, column "bytes": .* row 3 .*no text in UTF-8/);
  });

  it('a file that is cut off', async () => {
    const bytes = written('snappy');
    for (const length of [4, 11, 100, bytes.length - 1]) {
      expect(await refusal(bytes.subarray(0, length))).toMatch(/in\.parquet is cut off/);
    }
  });

  it('what comes through a pipe', async () => {
    expect(await refusalOf([pipeOf(written('none'))])).toMatch(
      /standard input is Parquet, which is not read from a pipe/,
    );
  });

  it('no rows', async () => {
    const bytes = parquetWriteBuffer({ columnData: [{ name: 'prompt', data: [], type: 'STRING' }] });
    expect(await refusal(new Uint8Array(bytes))).toBe('in.parquet has a header and no rows');
  });

  it('no prompt column', async () => {
    const bytes = parquetWriteBuffer({ columnData: [{ name: 'text', data: ['a'] }] });
    expect(await refusal(new Uint8Array(bytes))).toMatch(/^in\.parquet: no column "prompt"; .*; there are "text"$/);
  });

  it('a footer that is encrypted', async () => {
    expect(await refusal(Buffer.from('PARE and so on'))).toMatch(/encrypted/);
  });

  it('damaged bytes, wherever they are: with an error of ours, or read as something else', async () => {
    const files = ['none', 'snappy', 'gzip', 'zstd', 'lz4'].map(written);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        async (file, changes) => {
          const bytes = Buffer.from(file);
          for (const [place, change] of changes) {
            const at = Math.min(bytes.length - 1, Math.floor(place * bytes.length));
            bytes[at] = (bytes[at] ?? 0) ^ change;
          }
          await scanned([fileOf('in.parquet', bytes)], { format: 'parquet' }).catch((error: unknown) => {
            if (!(error instanceof InputError)) throw error;
          });
        },
      ),
      { numRuns: 300 },
    );
  });
});
