import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { readResults, resultLines } from '../support/result-lines.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 10 } });
  await world.keepServer();
});
beforeEach(async () => {
  await world.network.clearRules();
  await world.network.reset();
});
afterAll(() => world.close());

const ROWS = ['a,Hallo,de,5', 'b,Hello,en,4', 'c,,de,3', 'd,wrong,de,2'];
const CSV = `key,text,lang,stars\n${ROWS.join('\n')}\n`;
const FLAGS = ['--prompt', 'Is this kind: {{text}}', '--id-column', 'key', '--columns', 'lang,stars'];

/** Prompts and system messages that were sent. */
async function sent(): Promise<(readonly [string | undefined, string | undefined])[]> {
  return (await world.network.requests()).map(({ prompt, system }) => [prompt, system] as const);
}

describe('a CSV', () => {
  test('becomes prompts, its columns go into the output, and the same command is the same run', async () => {
    await world.network.script({ match: { promptIncludes: 'wrong' }, respond: { status: 422, message: 'no' } });
    const output = world.path('kind.jsonl');
    const args = [
      'batch',
      world.file('kind.csv', CSV),
      ...FLAGS,
      '--skip-invalid',
      '--system',
      'Be brief.',
      '-o',
      output,
    ];
    const first = await world.run(args);
    expect(first.code, first.stderr).toBe(3);
    const lines = readResults(output);
    expect(lines).toEqual([
      expect.objectContaining({ id: 'a', columns: { lang: 'de', stars: '5' } }),
      expect.objectContaining({ id: 'b', columns: { lang: 'en', stars: '4' } }),
      expect.objectContaining({
        id: 'c',
        error: expect.stringContaining('column "text"'),
        columns: { lang: 'de', stars: '3' },
      }),
      expect.objectContaining({ id: 'd', error: expect.stringMatching(/^422/), columns: { lang: 'de', stars: '2' } }),
    ]);
    expect(new Set((await sent()).map(([, system]) => system))).toEqual(new Set(['Be brief.']));
    const [id = ''] = /\bkind-[0-9a-f]{12}\b/.exec(first.stderr) ?? [];
    await world.network.reset();
    const again = await world.run(args);
    expect(again.code).toBe(3);
    expect(await sent()).toEqual([]);
    expect(readResults(output)).toEqual(lines);

    // What has failed is an input of its own, with its columns.
    const failed = await world.run(['results', id, '--failed']);
    expect(failed.stdout).toBe(
      '{"id":"d","prompt":"Is this kind: wrong","error":"422: no","columns":{"lang":"de","stars":"2"}}\n',
    );
    await world.network.clearRules();
    const retried = await world.run(['batch', world.file('failed.jsonl', failed.stdout)]);
    expect(resultLines(retried.stdout)).toEqual([
      expect.objectContaining({ id: 'd', output: expect.any(String), columns: { lang: 'de', stars: '2' } }),
    ]);
    const retry = await world.run(['retry', id, '-o', output]);
    // The invalid row stays.
    expect(retry.code, retry.stderr).toBe(3);
    expect(readResults(output)[3]).toEqual(
      expect.objectContaining({ id: 'd', output: expect.any(String), columns: { lang: 'de', stars: '2' } }),
    );
  });

  test('another prompt, system message or choice of columns or rows is another run', async () => {
    const input = world.file('other.csv', CSV);
    const dry = async (...flags: string[]): Promise<string> => {
      const { stdout, stderr, code } = await world.run([
        'batch',
        input,
        '--dry-run',
        '--json',
        '--skip-invalid',
        ...flags,
      ]);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout).run;
    };
    const runs = await Promise.all([
      dry(...FLAGS),
      dry(...FLAGS, '--system', 'a'),
      dry(...FLAGS, '--system', '{{lang}}'),
      dry(...FLAGS, '--limit', '2'),
      dry('--prompt', '{{text}}'),
    ]);
    expect(new Set(runs).size).toBe(5);
    expect(await dry(...FLAGS)).toBe(runs[0]);
  });

  test('that comes through a pipe may be sampled, and its rows keep their numbers', async () => {
    const rows = Array.from({ length: 200 }, (_, at) => `row ${at + 1}`);
    const stdin = `text\n${rows.join('\n')}\n`;
    const args = ['batch', '-', '--prompt', '{{text}}', '--sample', '5', '--columns', 'all'];
    const { code, stdout, stderr } = await world.run(args, { stdin });
    expect(code, stderr).toBe(0);
    const lines = resultLines(stdout);
    expect(lines).toHaveLength(5);
    for (const { id, columns } of lines) expect(columns).toEqual({ text: `row ${id}` });
    await world.network.reset();
    expect((await world.run(args, { stdin })).stdout).toBe(stdout);
    expect(await sent()).toEqual([]);
  });
});

test('a row that is wrong is named with its column before anything is spent', async () => {
  const { code, stderr, stdout } = await world.run(['batch', world.file('wrong.csv', CSV), ...FLAGS]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(`${world.path('wrong.csv')}, row 3, column "text": must not be empty`);
  expect(await sent()).toEqual([]);
});

test('a system message is part of an item of JSONL too', async () => {
  const input = world.file('system.jsonl', '{"prompt":"a","system":"mine"}\n{"prompt":"b"}\n');
  expect((await world.run(['batch', input])).code).toBe(0);
  expect((await sent()).sort()).toEqual([
    ['a', 'mine'],
    ['b', undefined],
  ]);
});
