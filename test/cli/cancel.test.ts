import { existsSync, readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliWorld, type Command } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';
import { until } from '../support/until.js';

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open();
  address = await world.keepServer();
});
afterAll(() => world.close());

/** A run in another terminal that has two requests in flight, which take so long, ms, as do `times` requests of it. */
async function running(name: string, delayMs: number, times?: number): Promise<Command> {
  const match = { promptIncludes: `${name} `, ...(times === undefined ? {} : { times }) };
  await world.network.script({ match, respond: { kind: 'answer', delayMs } });
  const run = world.start(['batch', world.prompts(name, 8), '--id', name, '-c', '2', '-o', world.path(`${name}.out`)]);
  const underWay = async () =>
    (await world.network.requestsOf(`${name} `)).filter(({ status }) => status === undefined);
  // Five start at once.
  await until('two requests are in flight', async () => (await underWay()).length === 2, 60_000);
  return run;
}

/** A run that was left with requests in flight: nobody works on it. */
async function left(name: string): Promise<void> {
  const run = await running(name, 60_000, 2);
  run.signal('SIGINT');
  run.signal('SIGINT');
  expect((await run.ended).code).toBe(130);
}

// They wait for 15 s or more each, for answers or for a worker.
describe.concurrent('a run with requests in flight', () => {
  test('is waited for as long as a worker answers, and what they bring is kept', async () => {
    const run = await running('slow', 20_000);
    const output = world.path('slow-so-far.jsonl');
    const cancel = await world.run(['cancel', 'slow', '-o', output]);
    expect([cancel.code, cancel.stderr]).toEqual([0, expect.stringContaining('slow is cancelled')]);
    expect(cancel.stderr.match(/^waiting for 2 requests in flight/gm)).toHaveLength(1);
    expect(readResults(output)).toHaveLength(2);
    expect(await world.network.requestsOf('slow ')).toHaveLength(2);
    expect((await run.ended).code).toBe(1);
  });

  test('ends without the command when a person leaves it, and its answers are taken later', async () => {
    const run = await running('patient', 15_000);
    const cancel = world.start(['cancel', 'patient']);
    await cancel.said(/^waiting for 2 requests/m);
    cancel.signal('SIGINT');
    const { code, stderr } = await cancel.ended;
    expect([code, stderr]).toEqual([130, expect.stringMatching(/Left\. .*dria-temporal cancel patient -o .*\.out$/m)]);
    expect((await run.ended).code).toBe(1);
    const output = world.path('patient-later.jsonl');
    expect((await world.run(['cancel', 'patient', '-o', output])).code).toBe(0);
    expect(readResults(output)).toHaveLength(2);
  });

  test('that ends otherwise before it is cancelled is not said to be, and nothing is removed', async ({
    onTestFinished,
  }) => {
    const run = await running('otherwise', 15_000);
    const cancel = world.start(['cancel', 'otherwise', '--discard', '--yes']);
    await cancel.said(/^waiting for 2 requests/m);
    const connection = await Connection.connect({ address });
    onTestFinished(() => connection.close());
    await new Client({ connection }).workflow.getHandle('otherwise').terminate();
    const { code, stderr } = await cancel.ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(/otherwise has ended: terminated\n.*results otherwise/)]);
    expect(existsSync(`${world.dataDir}/runs/otherwise`)).toBe(true);
    expect((await run.ended).code).toBe(1);
  });

  test('that nobody works on any more is given up after a while, and its end and what to do then are told', async () => {
    await left('alone');
    const cancel = await world.run(['cancel', 'alone', '--discard', '--yes']);
    expect([cancel.code, cancel.stderr]).toEqual([
      1,
      expect.stringMatching(
        /no worker answers for alone\nAttach one, .*`dria-temporal cancel alone --discard`: .*attach alone$/m,
      ),
    ]);
    const attached = await world.run(['attach', 'alone']);
    expect([attached.code, attached.stderr]).toEqual([1, expect.stringContaining('The run was cancelled')]);
    expect((await world.run(['cancel', 'alone', '--discard', '--yes'])).code).toBe(0);
    expect(existsSync(`${world.dataDir}/runs/alone`)).toBe(false);
  });

  test('that nobody works on any more is not paused', async () => {
    await left('unserved');
    const { code, stderr } = await world.run(['pause', 'unserved']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/no worker answers for unserved.*\n.*dria-temporal attach unserved/),
    ]);
  });
});

describe('a run that is cancelled already', () => {
  beforeAll(async () => {
    const run = await running('over', 3_000);
    expect((await world.run(['cancel', 'over'])).code).toBe(0);
    await run.ended;
  });

  test('keeps its outputs as they are, unless it is said what to do', async () => {
    const { code, stderr } = await world.run(['cancel', 'over']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/over has ended: cancelled\n.*-o .*--discard/)]);
  });

  test('has its answers written, then removed, and not written any more', async () => {
    const output = world.path('over-again.jsonl');
    const again = await world.run(['cancel', 'over', '-o', output]);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining(`its answers are kept: ${output}`)]);
    expect(readResults(output)).toHaveLength(2);
    const discard = await world.run(['cancel', 'over', '--discard', '--yes']);
    expect([discard.code, discard.stderr]).toEqual([0, expect.stringContaining('its answers are removed')]);
    expect(existsSync(`${world.dataDir}/runs/over`)).toBe(false);
    const before = readFileSync(output, 'utf8');
    const late = await world.run(['cancel', 'over', '-o', output]);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('nothing of over is left')]);
    expect(readFileSync(output, 'utf8')).toBe(before);
  });
});
