import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, type WorkflowExecutionDescription } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { CliWorld, type Command, MAIN } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults, resultLines } from '../support/result-lines.js';
import { until } from '../support/until.js';

/** Runs a command on a pseudo-terminal (util-linux). */
const SCRIPT = '/usr/bin/script';

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 150 }, credits: 100_000 });
  address = await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

/** An unfinished run, in another terminal. */
async function running(name: string, items: number, ...flags: string[]): Promise<Command> {
  const output = world.path(`${name}-results.jsonl`);
  const run = world.start(['batch', world.prompts(name, items), '--id', name, '-c', '4', '-o', output, ...flags]);
  await world.network.answered(8);
  await world.network.slowDown(name);
  return run;
}

/** The newest execution of a run, as the server knows it. */
async function execution(id: string): Promise<WorkflowExecutionDescription> {
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  return await new Client({ connection }).workflow.getHandle(id).describe();
}

const statusOf = async (id: string) => JSON.parse((await world.run(['status', id, '--json'])).stdout);

describe('set', () => {
  test('changes the concurrency, the model and the tokens of an unfinished run, and no answer is lost', async () => {
    const run = await running('changed', 80);
    const set = await world.run(['set', 'changed', '-c', '2', '-m', 'nanbeige:3b', '--max-tokens', '77']);
    expect([set.code, set.stderr]).toEqual([
      0,
      'changed is changed: concurrency 2, max tokens 77, model nanbeige:3b\n',
    ]);
    await world.network.clearRules();
    expect((await run.ended).code).toBe(0);
    const requests = await world.network.requests();
    expect(requests.at(-1)).toMatchObject({ model: 'nanbeige:3b', maxTokens: 77 });
    expect(readResults(world.path('changed-results.jsonl'))).toHaveLength(80);
    expect(Math.max(...timesAsked(requests).values())).toBe(1);
  });

  test('raises the limit of a run that has paused at it, and the run goes on', async () => {
    const run = await running('limited', 60, '--max-total-tokens', '300', '--on-pause', 'wait');
    await world.network.clearRules();
    await until('it has paused', async () => (await statusOf('limited')).state === 'paused');
    expect(await statusOf('limited')).toMatchObject({
      pausedBy: 'budget',
      reason: expect.stringContaining('dria-temporal set limited --max-total-tokens'),
    });
    expect((await world.run(['set', 'limited', '--max-total-tokens', 'none'])).code).toBe(0);
    expect((await run.ended).code).toBe(0);
    expect(readResults(world.path('limited-results.jsonl'))).toHaveLength(60);
  });

  test.each<[string[], RegExp]>([
    [[], /nothing to change/],
    [['-c', '0'], /^dria-temporal: --concurrency: expected a whole number, from 1 to 2000$/m],
    [['--max-tokens', '1.5'], /--max-tokens: expected a whole number/],
    [['-m', 'x', '--any-model'], /--model and --any-model are both given/],
    [['--max-credits', 'many'], /Give a number, or none/],
  ])('with %j is bad usage', async (flags, words) => {
    const { code, stderr } = await world.run(['set', 'whatever', ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
  });
});

describe('retry', () => {
  test('asks only the failed items again, another model, and merges into one whole output', async () => {
    await world.network.script({ match: { promptIncludes: 'again 1', toRequest: 3 }, respond: { status: 400 } });
    const output = world.path('again-results.jsonl');
    const input = world.prompts('again', 12);
    const first = await world.run(['batch', input, '--id', 'again', '-o', output]);
    expect([first.code, readResults(output).filter(({ error }) => error !== undefined)]).toEqual([
      3,
      expect.objectContaining({ length: 3 }),
    ]);
    const retry = await world.run(['retry', 'again', '-m', 'nanbeige:3b']);
    expect([retry.code, retry.stderr]).toEqual([0, expect.stringContaining('12 = 12 ok + 0 failed')]);
    const lines = readResults(output);
    expect(lines.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    expect(lines.filter(({ model }) => model === 'nanbeige:3b').length).toBeGreaterThanOrEqual(3);
    expect((await world.network.stats()).requests).toBe(12 + 3);
    const nothing = await world.run(['retry', 'again']);
    expect([nothing.code, (await world.network.stats()).requests]).toEqual([0, 15]);
    // The command that started the run still knows it as its own.
    expect((await world.run(['batch', input, '--id', 'again', '-o', output])).code).toBe(0);
    expect((await world.network.stats()).requests).toBe(15);
  });

  test("keeps the run's priority", async () => {
    await world.network.script({ match: { promptIncludes: 'urgent 1', toRequest: 1 }, respond: { status: 400 } });
    const output = world.path('urgent-results.jsonl');
    const flags = ['--id', 'urgent', '-o', output];
    expect((await world.run(['batch', world.prompts('urgent', 2), ...flags, '--priority', '1'])).code).toBe(3);
    const { runId, priority } = await execution('urgent');
    expect((await world.run(['retry', 'urgent'])).code).toBe(0);
    const again = await execution('urgent');
    expect(again.runId).not.toBe(runId);
    expect(again.priority).toEqual(priority);
    expect(priority?.priorityKey).toBe(1);
  });

  test('is refused for a run that is not there or unfinished', async () => {
    expect((await world.run(['retry', 'nobody'])).code).toBe(2);
    const run = await running('busy', 80);
    const { code, stderr } = await world.run(['retry', 'busy']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the run busy is unfinished')]);
    run.signal('SIGKILL');
    await run.ended;
  });
});

describe('cancel', () => {
  test('writes what there is where the run was started for, and says the ledger, in both terminals', async () => {
    const run = await running('ended', 80);
    const cancel = await world.run(['cancel', 'ended']);
    const ledger = /80 = (\d+) ok \+ 0 failed \+ (\d+) cancelled/;
    const [, ok, cancelled] = ledger.exec(cancel.stderr) ?? [];
    expect(Number(ok) + Number(cancelled)).toBe(80);
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(ledger)]);
    expect(readResults(world.path('ended-results.jsonl'))).toHaveLength(Number(ok));
    const results = await world.run(['results', 'ended', '--partial']);
    expect(resultLines(results.stdout)).toHaveLength(Number(ok));
    expect((await world.run(['results', 'ended'])).code).toBe(1);
    expect(await statusOf('ended')).toMatchObject({ state: 'cancelled', ok: Number(ok) });
  });

  test('with --discard removes the answers, when it is told so', async () => {
    const run = await running('gone', 80);
    const asked = await world.run(['cancel', 'gone', '--discard']);
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('Give --yes')]);
    expect(run.isRunning).toBe(true);
    const { code, stderr } = await world.run(['cancel', 'gone', '--discard', '--yes']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^gone is cancelled, and its answers are removed\n$/m)]);
    expect((await run.ended).code).toBe(1);
    expect(existsSync(join(world.dataDir, 'runs/gone'))).toBe(false);
  });
});

describe('a canary', () => {
  test('is shown, and with --yes the run goes on, its answers counted', async () => {
    const output = world.path('bird-results.jsonl');
    const args = ['batch', world.prompts('bird', 40), '--id', 'bird', '-c', '4', '-o', output];
    const { code, stderr } = await world.run([...args, '--canary', '4', '--yes']);
    expect(code).toBe(0);
    expect(stderr).toContain('Canary: 4 of 40 items asked, 4 ok, 0 failed.');
    expect(stderr).toMatch(/#5 {2}bird 6\n {4}→ Simulated answer to prompt .*\n {6}\S+/);
    expect(stderr).toMatch(/Tokens {3}\S+ to \S+|Tokens {3}about \S+/);
    expect(stderr).toMatch(/Credits {2}\S+/);
    expect(stderr).toMatch(/Rate {5}.* requests\/s on 4 permits/);
    expect(stderr).toMatch(/Time {5}/);
    expect(readResults(output)).toHaveLength(40);
    expect((await world.network.stats()).requests).toBe(40);
  });

  test.skipIf(!existsSync(SCRIPT))(
    'asks on a terminal: no leaves the run paused, and the same command asks again',
    async () => {
      const command = [
        'batch',
        world.prompts('asked', 20),
        '--id',
        'asked',
        '-o',
        world.path('asked.out'),
        '--canary',
        '3',
      ];
      const no = onTerminal(command, 'n\n');
      expect(await no.ended).toMatchObject({ code: 130, stdout: expect.stringContaining('Go on with the whole run?') });
      expect((await world.network.stats()).requests).toBe(3);
      const yes = onTerminal(command, 'y\n');
      expect((await yes.ended).code).toBe(0);
      expect(readResults(world.path('asked.out'))).toHaveLength(20);
      expect((await world.network.stats()).requests).toBe(20);
    },
  );

  test('is refused where nobody can be asked and nothing says what to do then', async () => {
    const { code, stderr } = await world.run(['batch', world.prompts('alone', 3), '--canary', '1']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('Give --yes')]);
    expect((await world.network.stats()).requests).toBe(0);
  });
});

/** A command on a pseudo-terminal whose person types; what it says comes on standard output. */
function onTerminal(args: readonly string[], typed: string): Command {
  const line = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  return world.spawn(SCRIPT, ['-qec', line, '/dev/null'], { stdin: typed });
}
