import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FileStorage } from '../../../src/storage/file-storage.js';
import { readCursor } from '../../../src/store/cursor.js';
import { putFirstOwner } from '../../../src/store/owner.js';
import { type CommandResult, command } from '../../support/command.js';
import { storeRun } from '../../support/stored-run.js';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** A run of some items in parts of three, of which each fourth has failed; ended, if `ended` says so. */
async function stored({ items = 8, ended = true, output = 'a' } = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'since-last-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const storage = new FileStorage(folder);
  const item = (index: number) => ({
    prompt: 'p',
    model: 'm',
    ...(index % 4 === 3 ? { error: '500: no' } : { output }),
  });
  await storeRun(storage, { id: 'run', items, chunkSize: 3, item });
  const owner = { version: 1, namespace: 'default', workflowId: 'run', firstRunId: 'first', question: {} } as const;
  await putFirstOwner(storage, 'run', ended ? { ...owner, ended } : owner);
  return folder;
}

function flags(folder: string, ...args: readonly string[]): string[] {
  return ['results', 'run', '--storage', folder, '--data-dir', folder, ...args];
}

function results(folder: string, ...args: readonly string[]): Promise<CommandResult> {
  return command(flags(folder, ...args));
}

function idsOf(text: string): number[] {
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).id]));
}

describe('results --since-last', () => {
  test('gives each line once, in input order, says how many, and ends as the run has', async () => {
    const folder = await stored();
    const first = await results(folder, '--since-last');
    expect(idsOf(first.stdout)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([first.code, first.stderr]).toEqual([3, '8 new lines: 8 of 8 items are out\n']);
    expect(await results(folder, '--since-last')).toEqual({ code: 3, stdout: '', stderr: '' });
    expect(idsOf((await results(folder, '--since-last', '--cursor', 'other')).stdout)).toHaveLength(8);
  });

  test('of a run that has not ended ends with 0, and with --follow when it has', async () => {
    expect((await results(await stored({ ended: false }), '--since-last')).code).toBe(0);
    const { code, stdout } = await results(await stored(), '--since-last', '--follow');
    expect([code, idsOf(stdout).length]).toEqual([3, 8]);
  });

  test('writes a file whole, and puts no lines in the place of those of an earlier call', async () => {
    const folder = await stored();
    const output = join(mkdtempSync(join(tmpdir(), 'since-last-')), 'lines.jsonl');
    expect((await results(folder, '--since-last', '-o', output)).code).toBe(3);
    expect(idsOf(readFileSync(output, 'utf8'))).toHaveLength(8);
    const again = await results(folder, '--since-last', '-o', output);
    expect([again.code, again.stderr]).toEqual([
      2,
      expect.stringMatching(/has lines already.*\nName a new file for each call/),
    ]);
    expect(idsOf(readFileSync(output, 'utf8'))).toHaveLength(8);
  });

  test('that cannot write gives the lines with the next call', async () => {
    const folder = await stored();
    expect((await results(folder, '--since-last', '-o', '/dev/full')).code).toBe(1);
    expect(idsOf((await results(folder, '--since-last')).stdout)).toHaveLength(8);
  });

  test.each([
    [['--follow'], /--follow needs --since-last/],
    [['--cursor', 'a'], /--cursor needs --since-last/],
    [['--since-last', '--partial'], /--since-last and --partial are both given/],
    [['--since-last', '--failed'], /--since-last and --failed are both given/],
    [['--since-last', '--follow', '-o', 'x'], /--follow writes to standard output/],
    [['--since-last', '--cursor', '../x'], /--cursor: letters, digits/],
  ])('%j is refused', async (args, words) => {
    const { code, stderr } = await command(['results', 'run', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
  });

  test('of nobody is refused, and a damaged cursor says what to do', async () => {
    const folder = await stored();
    expect((await command(['results', 'nobody', '--storage', folder, '--since-last'])).stderr).toMatch(
      /there is no run nobody/,
    );
    await results(folder, '--since-last');
    const { storage, key } = { storage: new FileStorage(folder), key: 'runs/run/cursors/default/000000000001.json' };
    await storage.put(key, '{}');
    const { code, stderr } = await results(folder, '--since-last');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/it is damaged.*\n.*--cursor default-2/)]);
  });

  test('that is killed while its reader does not read gives all lines with the next call', async () => {
    expect(existsSync(MAIN)).toBe(true);
    // More than a pipe holds, so that the call is in the middle of its lines.
    const folder = await stored({ items: 60, output: 'long '.repeat(10_000) });
    const child = spawn(process.execPath, [MAIN, ...flags(folder, '--since-last')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'readable');
    expect(child.stdout.read(1000)).toHaveLength(1000);
    child.kill('SIGKILL');
    await once(child, 'exit');
    child.stdout.destroy();
    expect(await readCursor(new FileStorage(folder), 'run', 'default')).toEqual({ move: 0, chunks: [] });
    expect(idsOf((await results(folder, '--since-last')).stdout)).toHaveLength(60);
    expect((await results(folder, '--since-last')).stdout).toBe('');
  });

  test('whose reader goes away gives all lines with the next call', async () => {
    const folder = await stored({ items: 60, output: 'long '.repeat(10_000) });
    const child = spawn(process.execPath, [MAIN, ...flags(folder, '--since-last')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'readable');
    child.stdout.destroy();
    await once(child, 'exit');
    expect(idsOf((await results(folder, '--since-last')).stdout)).toHaveLength(60);
  });
});
