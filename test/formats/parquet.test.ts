import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { answer, objectOf, renderedAs } from './formats-world.js';

function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

async function rowsOf(bytes: Buffer): Promise<Record<string, unknown>[]> {
  return await parquetReadObjects({ file: arrayBufferOf(bytes) });
}

describe('results as Parquet', () => {
  test('have typed columns, and null where a failed item has nothing', async () => {
    const schema = objectOf({
      mood: { type: 'string' },
      score: { type: 'number' },
      n: { type: 'integer' },
      tags: { type: 'array', items: { type: 'string' } },
      ok: { type: 'boolean' },
    });
    const parsed = { mood: 'good', score: 1, n: 7, tags: ['a', 'b'], ok: true };
    const lines = [
      answer(1, 'x', { parsed }),
      { id: 2, model: null, error: '503: no nodes' },
      answer(3, '', { parsed: { ...parsed, tags: [] } }),
    ];
    const bytes = await renderedAs('parquet', { lines, schema, flatten: true });
    expect(
      parquetSchema(parquetMetadata(arrayBufferOf(bytes))).children.map(({ element: { name, type } }) => [name, type]),
    ).toEqual([
      ['id', 'INT64'],
      ['model', 'BYTE_ARRAY'],
      ['output', 'BYTE_ARRAY'],
      ['mood', 'BYTE_ARRAY'],
      ['score', 'DOUBLE'],
      ['n', 'INT64'],
      ['tags', undefined],
      ['ok', 'BOOLEAN'],
      ['error', 'BYTE_ARRAY'],
      ['tokens', 'INT64'],
    ]);
    expect(await rowsOf(bytes)).toEqual([
      {
        id: 1n,
        model: 'm',
        output: 'x',
        mood: 'good',
        score: 1,
        n: 7n,
        tags: ['a', 'b'],
        ok: true,
        error: null,
        tokens: 5n,
      },
      {
        id: 2n,
        model: null,
        output: null,
        mood: null,
        score: null,
        n: null,
        // What its reader makes of a list that is not there.
        tags: undefined,
        ok: null,
        error: '503: no nodes',
        tokens: null,
      },
      { id: 3n, model: 'm', output: '', mood: 'good', score: 1, n: 7n, tags: [], ok: true, error: null, tokens: 5n },
    ]);
  });

  test('keep a parsed answer as JSON, digit for digit', async () => {
    const line = '{"id":"a","model":"m","output":"x","parsed":{"n":12345678901234567890},"tokens":5}';
    const bytes = await renderedAs('parquet', { lines: [line], schema: objectOf({ n: {} }) });
    expect(String(bytes.subarray(0, 4))).toBe('PAR1');
    expect(bytes.includes('{"n":12345678901234567890}')).toBe(true);
  });

  test('without a line are a file with columns and no rows', async () => {
    const bytes = await renderedAs('parquet', { lines: [] });
    expect(await rowsOf(bytes)).toEqual([]);
    expect(parquetSchema(parquetMetadata(arrayBufferOf(bytes))).children).toHaveLength(5);
  });

  test('come in row groups that do not grow with the results', async () => {
    const output = 'x'.repeat(1 << 20);
    const lines = Array.from({ length: 20 }, (_, at) => answer(at, `${at} ${output}`));
    const bytes = await renderedAs('parquet', { lines, piece: 1 << 20 });
    const groups = parquetMetadata(arrayBufferOf(bytes)).row_groups.map(({ num_rows: rows }) => Number(rows));
    expect(groups).toEqual([8, 8, 4]);
    expect((await rowsOf(bytes)).map(({ output: text }) => String(text).slice(0, 3).trim())).toEqual(
      lines.map((_, at) => `${at}`.padEnd(3, ' x').trim().slice(0, 3)),
    );
  });

  test('are read as they were, whatever the texts and numbers', async () => {
    const text = fc.string({ unit: 'grapheme' }).filter((found) => !/\p{Surrogate}/u.test(found));
    const line = fc.record({
      output: text,
      n: fc.oneof(fc.maxSafeInteger(), fc.constant(null)),
      d: fc.double({ noNaN: true, noDefaultInfinity: true }),
      l: fc.array(fc.oneof(text, fc.constant(null))),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 30 }), async (found) => {
        const lines = found.map(({ output, ...more }, at) =>
          answer(at, output, { n: more.n, d: more.d + 0.5, l: more.l }),
        );
        const rows = await rowsOf(await renderedAs('parquet', { lines, piece: 1000 }));
        expect(rows.map(({ output, l }) => ({ output, l }))).toEqual(found.map(({ output, l }) => ({ output, l })));
        expect(rows.map(({ n }) => n ?? null)).toEqual(
          found.map(({ n }) => (n === null ? null : found.every((one) => one.n === null) ? null : BigInt(n))),
        );
        expect(rows.map(({ d }) => Number(d))).toEqual(found.map(({ d }) => d + 0.5));
      }),
      { numRuns: 40 },
    );
  });
});
