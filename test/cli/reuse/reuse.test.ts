import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FileStorage } from '../../../src/storage/file-storage.js';
import { runDirectory } from '../../../src/store/run-directory.js';
import { noteOrigin } from '../../../src/store/run-index.js';
import { simulator } from '../../simulator/harness.js';
import { answered, KeptRun } from '../../store/kept-runs.js';
import { type CommandResult, command } from '../../support/command.js';

/** A storage with a run `old` of the prompts a to d that has answered all but d, and a command beside it. */
async function world() {
  const folder = await mkdtemp(join(tmpdir(), 'dria-reuse-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { url } = await simulator();
  const storage = new FileStorage(join(folder, 'data'));
  const old = await KeptRun.stage(storage, 'old', ['a', 'b', 'c', 'd'], { endpoint: url });
  await old.append(0, ...['A', 'B', 'C'].map((output, item) => answered(item, output)));
  const input = join(folder, 'in.jsonl');
  const lines = async (...prompts: string[]): Promise<void> =>
    await writeFile(input, prompts.map((prompt) => `${JSON.stringify({ prompt })}\n`).join(''));
  await lines('new', 'a', 'b', 'd');
  const batch = (...args: string[]): Promise<CommandResult> =>
    command(['batch', input, '--data-dir', join(folder, 'data'), '--dry-run', ...args], {
      DRIA_BASE_URL: url,
      DRIA_API_KEY: 'k',
    });
  return { folder, storage, old, input, lines, batch };
}

it('a dry run says how many items are asked, and how many answers are taken from a run', async () => {
  const { batch } = await world();
  const { code, stdout, stderr } = await batch('--reuse', 'old', '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    items: { all: 4, text: 2, duplicates: 0, reused: 2 },
    requests: { atLeast: 2 },
    reuse: '2 answers are taken from old',
  });
});

it('a dry run counts items that are the same, which are asked once at temperature 0', async () => {
  const { batch, lines } = await world();
  await lines('x', 'y', 'x', 'x');
  const cold = await batch('--temperature', '0');
  expect(cold.stdout).toMatch(/^Items +4 in 1 chunk: 2 text, 2 the same as another, asked once$/m);
  expect(cold.stdout).toMatch(/^Requests +2 at least/m);
  expect((await batch()).stdout).toMatch(/^Requests +4 at least/m);
  expect((await batch('--temperature', '0', '--dedupe', 'never')).stdout).toMatch(/^Requests +4 at least/m);
});

it('the last run of an input is found by its path; without one, all is asked', async () => {
  const { batch, storage, input } = await world();
  const none = await batch('--reuse', 'last');
  expect(none.code).toBe(0);
  expect(none.stdout.replaceAll(/\s+/g, ' ')).toMatch(/Reuse nothing: .*has no earlier run of this input/);
  await noteOrigin(storage, input, 'old');
  expect((await batch('--reuse', 'last')).stdout).toContain('2 answers are taken from old');
});

it('a run is known by its whole results, and by no other file', async () => {
  const { batch, storage, old, folder } = await world();
  await old.append(0, answered(3, 'D'));
  await old.writePart(0);
  await old.assemble();
  const results = join(folder, 'results.jsonl');
  await writeFile(results, await storage.get(runDirectory('old').results));
  expect((await batch('--reuse', results)).stdout).toContain('3 answers are taken from old');
  await writeFile(results, (await readFile(results, 'utf8')).split('\n').slice(1).join('\n'));
  const other = await batch('--reuse', results);
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('it is not the whole output of a run that');
});

it.each([
  ['a run that is not there', ['--reuse', 'odl'], /--reuse odl: .* has no run with this id, and there is no file/],
  [
    'a run that was asked otherwise',
    ['--reuse', 'old', '--max-tokens', '9'],
    /old was asked otherwise: maxTokens 2048, not 9/,
  ],
])('%s is refused before anything is paid', async (_what, args, message) => {
  const { batch } = await world();
  const { code, stderr } = await batch(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

it('standard input has no last run', async () => {
  const { code, stderr } = await command(['batch', '-', '--reuse', 'last'], {
    DRIA_API_KEY: 'k',
    DRIA_BASE_URL: 'http://127.0.0.1:1/v1',
    HOME: tmpdir(),
  });
  expect(code).toBe(2);
  expect(stderr).toContain('standard input has no path');
});
