import { describe, expect, test } from 'vitest';
import { type FormatChoice, FormatError, requireSchema, resultFormat } from '../../src/batch/output-format.js';

describe('the format of an output', () => {
  test.each([
    [undefined, 'jsonl'],
    ['results.jsonl', 'jsonl'],
    ['results.ndjson', 'jsonl'],
    ['results', 'jsonl'],
    ['results.txt', 'jsonl'],
    ['/data.csv/results', 'jsonl'],
    ['results.csv', 'csv'],
    ['RESULTS.CSV', 'csv'],
    ['2026.11.30.tsv', 'tsv'],
    ['C:\\answers\\results.parquet', 'parquet'],
    ['s3://bucket/answers/results.json', 'json'],
  ])('of the name %s is %s', (output, name) => {
    expect(resultFormat(output)).toEqual({ name, flatten: false });
  });

  test.each([
    ['results.jsonl.gz', 'jsonl', 'gzip'],
    ['results.csv.zst', 'csv', 'zstd'],
    ['results.json.GZ', 'json', 'gzip'],
  ])('of the name %s is %s, compressed by %s', (output, name, compression) => {
    expect(resultFormat(output)).toEqual({ name, compression, flatten: false });
  });

  test.each<[string | undefined, FormatChoice, object]>([
    [undefined, { format: 'csv' }, { name: 'csv', flatten: false }],
    ['results.jsonl', { format: 'openai' }, { name: 'openai', flatten: false }],
    ['results.gz', { format: 'csv', flatten: true }, { name: 'csv', compression: 'gzip', flatten: true }],
    ['results.xlsx', { format: 'csv' }, { name: 'csv', flatten: false }],
  ])('of the name %s with the choice %j is %j', (output, choice, format) => {
    expect(resultFormat(output, choice)).toEqual(format);
  });

  test.each<[string, string, FormatChoice]>([
    ['results.gz', 'does not say what is compressed', {}],
    ['results.txt.zst', 'does not say what is compressed', {}],
    ['results.parquet.gz', 'name it results.parquet', {}],
    ['results.gz', 'Parquet is compressed inside', { format: 'parquet' }],
    ['results.xlsx', 'no .xlsx is written here', {}],
    ['results.csv.bz2', 'no .bz2 is written here', {}],
    ['results.jsonl', 'leave out flatten', { format: 'openai', flatten: true }],
  ])('of the name %s is refused: %s', (output, words, choice) => {
    expect(() => resultFormat(output, choice)).toThrow(FormatError);
    expect(() => resultFormat(output, choice)).toThrow(words);
  });

  test('flattens only answers that have a schema', () => {
    expect(() => requireSchema({ flatten: true }, false)).toThrow(/no schema/);
    requireSchema({ flatten: true }, true);
    requireSchema({ flatten: false }, false);
  });
});
