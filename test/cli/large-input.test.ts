import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld, type Command, MAIN } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';
import { until } from '../support/until.js';

const MB = 1e6;
const LINES = 100;

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 300 } });
  await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

/** Lines of a megabyte each. */
function large(name: string, last = ''): string {
  const line = (at: number) => `${JSON.stringify({ prompt: `${name} ${at + 1} ${'x'.repeat(MB)}` })}\n`;
  return world.file(`${name}.jsonl`, Array.from({ length: LINES }, (_, at) => line(at)).join('') + last);
}

/** Bytes that a process has read and written so far, sockets and programs included. */
function transferred({ pid }: Command): { readonly read: number; readonly written: number } {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return { read: of('rchar'), written: of('wchar') };
}

const folder = (name: string) => join(world.dataDir, name);
const ls = (name: string) => (existsSync(folder(name)) ? readdirSync(folder(name)) : []);

describe.skipIf(!existsSync('/proc/self/io'))('an input of a hundred megabytes', () => {
  test('is read once and stored once before the first request, and not stored again by the next command', async () => {
    const input = large('once');
    const bytes = statSync(input).size;
    const args = ['batch', input, '-c', '1'];
    const first = world.start(args);
    await first.said(/^run /m);
    const before = transferred(first);
    expect(before.read).toBeGreaterThan(bytes);
    expect(before.read).toBeLessThan(1.5 * bytes);
    expect(before.written).toBeLessThan(1.2 * bytes);
    await until('a request', async () => (await world.network.stats()).requests > 0);
    first.signal('SIGKILL');
    await first.ended;
    const sha256 = createHash('sha256').update(readFileSync(input)).digest('hex');
    expect(ls('inputs')).toEqual([`${sha256}.jsonl`]);
    expect(readFileSync(join(folder('inputs'), `${sha256}.jsonl`)).equals(readFileSync(input))).toBe(true);

    const second = world.start(args);
    await second.said(/going on with it/);
    expect(transferred(second).read).toBeLessThan(1.5 * bytes);
    expect(transferred(second).written).toBeLessThan(0.2 * bytes);
    second.signal('SIGKILL');
    await second.ended;
  });

  test('that has a bad line at its end leaves nothing behind', async () => {
    const [inputs, temporary] = [ls('inputs'), ls('.tmp')];
    const { code, stderr } = await world.run(['batch', large('bad', 'not json\n')]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('bad.jsonl:101:')]);
    expect([ls('inputs'), ls('.tmp')]).toEqual([inputs, temporary]);
  });

  test('that is left while it is read leaves nothing behind', async () => {
    const temporary = ls('.tmp');
    const run = world.start(['batch', large('left')]);
    await until('it is being stored', () => ls('.tmp').length > temporary.length);
    run.signal('SIGINT');
    expect((await run.ended).code).toBe(130);
    expect(ls('.tmp')).toEqual(temporary);
    rmSync(world.path('left.jsonl'));
  });
});

test('a pipe may be the input, as a shell makes it of a command', async () => {
  const input = world.prompts('piped', 5);
  const output = world.path('piped-results.jsonl');
  const script = `exec '${process.execPath}' '${MAIN}' batch <(cat '${input}') -o '${output}'`;
  const { code, stderr } = await world.spawn('/bin/bash', ['-c', script]).ended;
  expect(code, stderr).toBe(0);
  expect(readResults(output).map(({ output: answer }) => answer)).toEqual(
    Array.from({ length: 5 }, (_, at) => expect.stringContaining(`("piped ${at + 1}")`)),
  );
});
