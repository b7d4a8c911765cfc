import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileStorage } from '../../../src/storage/file-storage.js';
import { type CommandResult, command } from '../../support/command.js';
import { LINES, storeFormattedRun } from '../../support/formatted-run.js';

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dria-formats-'));
  const storage = new FileStorage(join(folder, 'storage'));
  await storeFormattedRun(storage, 'run');
  await storeFormattedRun(storage, 'plain', { schema: null });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function results(...args: readonly string[]): Promise<CommandResult> {
  return command(['results', ...args, '--storage', join(folder, 'storage'), '--data-dir', join(folder, 'data')]);
}

describe('`results`', () => {
  test('writes the format that the extension of the output says, and replaces what is there', async () => {
    const output = join(folder, 'a.csv.gz');
    for (const flags of [[], ['--flatten']]) {
      expect(await results('run', '-o', output, ...flags)).toEqual({ code: 3, stdout: '', stderr: '' });
    }
    expect(String(gunzipSync(readFileSync(output)))).toMatch(/^id,model,output,mood,score,error,tokens\r\n1,m,/);
    const parquet = join(folder, 'a.parquet');
    for (let time = 0; time < 2; time++) expect((await results('run', '-o', parquet)).code).toBe(3);
    expect(readFileSync(parquet, 'latin1')).toMatch(/^PAR1.*PAR1$/s);
    expect(readdirSync(folder).sort()).toEqual(['a.csv.gz', 'a.parquet', 'storage']);
  });

  test.each([
    ['csv', /^id,model,output,parsed,error,tokens\r\n/],
    ['tsv', /^id\tmodel\t/],
    ['json', /^\[\n\{"id":1/],
    ['openai', /^\{"id":"batch_req_run-1","custom_id":"1"/],
    ['jsonl', /^\{"id":1,"model"/],
  ])('writes %s to standard output', async (format, begin) => {
    const { code, stdout, stderr } = await results('run', '--output-format', format);
    expect([code, stderr]).toEqual([3, '']);
    expect(stdout).toMatch(begin);
  });

  test('writes the parts of a run in a format with --partial', async () => {
    const { stdout } = await results('plain', '--partial', '--output-format', 'csv');
    expect(stdout.split('\r\n')).toHaveLength(LINES.length + 2);
  });

  test.each([
    [['plain', '--flatten', '--output-format', 'csv'], 'the run has no schema'],
    [['run', '-o', 'a.gz'], 'does not say what is compressed'],
    [['run', '-o', 'a.parquet.gz'], 'name it a.parquet'],
    [['run', '-o', 'a.xlsx'], 'or --output-format'],
    [['run', '--flatten', '--output-format', 'openai'], 'leave out --flatten'],
    [['run', '--failed', '-o', 'a.csv'], '--failed writes an input'],
    [['run', '--failed', '-o', 's3://bucket/a.jsonl'], '--failed writes an input'],
    [['run', '--output-format', 'xml'], 'Allowed choices are jsonl, csv'],
    [['run', '-o', 's3://bucket'], 'names no object'],
    [['run', '-o', 's3://bucket/a/../b.csv'], 'names no object'],
    [['run', '-o', 's3://B/a.csv'], 'names no bucket'],
  ])('refuses %j: %s', async (args, words) => {
    const { code, stdout, stderr } = await results(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  test('does not replace a picture by results that are compressed', async () => {
    const picture = join(folder, 'picture.csv.gz');
    writeFileSync(picture, Buffer.of(0x89, 0x50, 0x4e, 0x47, 0));
    const { code, stderr } = await results('run', '-o', picture);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is no text file')]);
    rmSync(picture);
  });
});

test('`schedule create` refuses what its runs could not write', async () => {
  const where = ['--address', '127.0.0.1:9', '--cron', '0 2 * * *', '--input', 'a.jsonl'];
  const flat = await command(['schedule', 'create', 'nightly', ...where, '-o', 'b.csv', '--flatten']);
  expect([flat.code, flat.stderr]).toEqual([2, expect.stringContaining('give --schema or --schema-file')]);
  const alone = await command(['schedule', 'create', 'nightly', ...where, '--output-format', 'csv']);
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--output')]);
});

test.each([
  [['--flatten', '-o', 'a.csv'], 'give --schema or --schema-file'],
  [['-o', 'a.jsonl.bz2'], 'no .bz2 is written here'],
  [['-o', 'a.parquet.zst'], 'Parquet is compressed inside'],
])('`batch` refuses %j before it looks at anything: %s', async (flags, words) => {
  const key = { DRIA_API_KEY: 'test' };
  const { code, stderr } = await command(['batch', join(folder, 'nothing.jsonl'), ...flags], key);
  expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
});
