import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../support/command.js';

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'dria-inputs-')));
  mkdirSync(join(folder, 'b'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

/** Returns what `batch` writes to standard error about inputs that it must refuse, before it starts anything. */
async function refusal(...args: readonly string[]): Promise<string> {
  const env = { DRIA_API_KEY: 'k', DRIA_BASE_URL: 'http://127.0.0.1:9/v1', DRIA_TEMPORAL_HOME: join(folder, 'data') };
  const { code, stdout, stderr } = await command(['batch', ...args], env);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(readdirSync(folder)).not.toContain('data');
  // On a busy machine even a short check may take long enough to be shown.
  return stderr.replaceAll(`${folder}/`, '').replaceAll(/^checking the input: .*\n/gm, '');
}

describe('batch refuses, before anything is started,', () => {
  it('a CSV with wrong rows, each with its row and column', async () => {
    const input = file('wrong.csv', 'prompt,attachment\nfine,\n,\nfine,nowhere.png\na,b,c\n');
    const lines = (await refusal(input)).split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'dria-temporal: wrong.csv, row 2, column "prompt": must not be empty',
      'wrong.csv, row 3, column "attachment": "nowhere.png" does not exist',
      expect.stringMatching(/^wrong\.csv, row 4: line 5 has 3 cells, and there are 2 columns/),
      expect.stringMatching(/^Nothing was started: fix these lines, or give --skip-invalid/),
    ]);
  });

  it('a pattern that matches nothing', async () => {
    expect(await refusal(join(folder, 'b/*.parquet'))).toContain('b/*.parquet: no file matches it');
  });

  it('a file that is given twice, by its name and by a pattern', async () => {
    const input = file('b/one.jsonl', '{"prompt":"a"}\n');
    expect(await refusal(input, join(folder, 'b/*.jsonl'))).toContain('b/one.jsonl is given twice');
  });

  it('standard input that is given twice', async () => {
    expect(await refusal('-', '-')).toContain('standard input is given twice');
  });

  it('an output that a pattern of the input matches', async () => {
    const input = file('b/one.jsonl', '{"prompt":"a"}\n');
    expect(await refusal(join(folder, 'b/*.jsonl'), '-o', input)).toContain('is the input file');
  });

  it.each([
    ['s3://bucket', /names no object: give s3:\/\/bucket\/key/],
    ['s3://bucket/folder/', /names no object.*s3:\/\/bucket\/folder\/\*\.jsonl/],
    ['s3://Bad_Bucket!/a.csv', /not of the form s3:\/\/bucket\/key/],
  ])('the address %s', async (address, message) => {
    expect(await refusal(address)).toMatch(message);
  });

  it.each<[string, string[], RegExp]>([
    ['a format that is none', ['--format', 'xlsx'], /--format.*jsonl, json, csv, tsv, parquet/],
    ['a delimiter of two characters', ['--delimiter', '||'], /--delimiter: one character/],
    ['a quote as delimiter', ['--delimiter', '"'], /--delimiter: one character, and no quote/],
  ])('%s', async (_, flags, message) => {
    expect(await refusal(file('in.csv', 'prompt\na\n'), ...flags)).toMatch(message);
  });

  it('a compressed file that is cut off', async () => {
    const gzip = gzipSync('{"prompt":"a"}\n'.repeat(1000));
    expect(await refusal(file('cut.jsonl.gz', gzip.subarray(0, gzip.length - 9)))).toContain(
      'cut.jsonl.gz is cut off: its gzip does not decompress',
    );
  });

  it('ids that two files share', async () => {
    const one = file('b/one.csv', 'prompt,id\na,x\n');
    const two = file('b/two.csv', 'prompt,id\nb,y\nc,x\n');
    expect(await refusal(one, two)).toContain('b/two.csv, row 2, column "id": "x" is a duplicate of b/one.csv, row 1');
  });
});
