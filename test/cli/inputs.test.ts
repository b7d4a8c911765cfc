import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { STORED_PREFIXES } from '../../src/batch/run.js';
import { CliWorld } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';

const PARQUET = readFileSync(new URL('../input/formats/parquet/zstd.parquet', import.meta.url));
const PICTURE = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open();
  await world.keepServer();
  mkdirSync(world.path('in'));
});
afterEach(() => world.network.reset());
afterAll(() => world.close());

/** Returns what is in the data directory beside runs and the server. */
function leftovers(): string[] {
  return readdirSync(world.dataDir).filter((name) => ![...STORED_PREFIXES, 'server', '.tmp'].includes(name));
}

describe('an input of other formats', () => {
  test('in several files, with attachments beside each, is one run with the results in their order', async () => {
    mkdirSync(world.path('in/more'));
    world.file('in/more/dot.png', PICTURE);
    world.file('in/a.csv', '\ufeffprompt,lang\r\n"one, ""quoted""",en\r\n"two\nlines",de\r\n');
    world.file('in/b.jsonl.gz', gzipSync('{"prompt":"three"}\n\n{"prompt":"four","id":"own"}'));
    world.file('in/more/c.json', JSON.stringify([{ prompt: 'five', attachment: 'dot.png' }], undefined, 2));
    const output = world.path('several.jsonl');
    const args = ['batch', 'in/*.csv', 'in/**/{b,c}.*', '-o', output];
    const first = await world.run(args, { cwd: world.folder });
    expect({ code: first.code, stderr: first.code === 0 ? '' : first.stderr }).toEqual({ code: 0, stderr: '' });
    expect(readResults(output)).toMatchObject([
      { id: 1, output: expect.stringContaining('("one, "quoted"")') },
      { id: 2, output: expect.stringContaining('two') },
      { id: 3, output: expect.stringContaining('("three")') },
      { id: 'own', output: expect.stringContaining('("four")') },
      { id: 6, output: expect.stringContaining('with image') },
    ]);
    const { requests } = await world.network.stats();
    const again = await world.run(args, { cwd: world.folder });
    expect(again.code).toBe(0);
    expect(runOf(again.stderr)).toBe(runOf(first.stderr));
    expect((await world.network.stats()).requests).toBe(requests);
    expect(leftovers()).toEqual([]);
  });

  test('in Parquet, with ids by a template', async () => {
    const output = world.path('parquet.jsonl');
    world.file('p.parquet', PARQUET);
    const { code, stderr } = await world.run(
      ['batch', 'p.parquet', '-o', output, '-c', '50', '--id-from', '{{file}}:{{row}}'],
      { cwd: world.folder },
    );
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const results = readResults(output);
    expect(results).toHaveLength(300);
    expect(results[299]).toMatchObject({
      id: 'p.parquet:300',
      output: expect.stringContaining('What is 299 times 299?'),
    });
  });

  test('through a pipe, with an error line for each row that is wrong', async () => {
    const stdin = 'id\tprompt\na\tfine\nb\n\tfine, too\n';
    const { code, stdout } = await world.run(['batch', '-', '--skip-invalid'], { stdin });
    expect(code).toBe(3);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toMatchObject([
      { id: 'a', output: expect.stringContaining('("fine")') },
      { id: 2, error: expect.stringMatching(/^invalid: line 3 has 1 cell/) },
      { id: 3, output: expect.stringContaining('("fine, too")') },
    ]);
  });
});

/** Returns the id of the run in what a command writes about it. */
function runOf(stderr: string): string {
  return /\ba-[0-9a-f]{12}\b/.exec(stderr)?.[0] ?? 'none';
}
