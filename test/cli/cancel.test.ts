import { existsSync, readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { CliWorld, type Command } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';
import { until } from '../support/until.js';

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open();
  address = await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

/** A run in another terminal that has two requests under way, which take so long, ms. */
async function running(name: string, delayMs: number): Promise<Command> {
  await world.network.script({ match: { promptIncludes: name }, respond: { kind: 'answer', delayMs } });
  const run = world.start(['batch', world.prompts(name, 8), '--id', name, '-c', '2', '-o', world.path(`${name}.out`)]);
  const underWay = async () =>
    (await world.network.requests()).filter(({ prompt, status }) => prompt.startsWith(name) && status === undefined);
  await until('two requests are under way', async () => (await underWay()).length === 2);
  return run;
}

/** A run that was left with requests under way: nobody works on it. */
async function left(name: string): Promise<void> {
  const run = await running(name, 60_000);
  run.signal('SIGINT');
  run.signal('SIGINT');
  expect((await run.ended).code).toBe(130);
  await world.network.clearRules();
}

describe('a run with requests under way', () => {
  test('is waited for as long as a worker answers, and what they bring is kept', async () => {
    const run = await running('slow', 20_000);
    const output = world.path('slow-so-far.jsonl');
    const cancel = await world.run(['cancel', 'slow', '-o', output]);
    expect([cancel.code, cancel.stderr]).toEqual([0, expect.stringContaining('slow is cancelled')]);
    expect(cancel.stderr.match(/^waiting for 2 requests under way/gm)).toHaveLength(1);
    expect(readResults(output)).toHaveLength(2);
    expect((await world.network.stats()).requests).toBe(2);
    expect((await run.ended).code).toBe(1);
  });

  test('ends without the command when a person leaves it, and its answers are taken later', async () => {
    const run = await running('patient', 8_000);
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
});

test('a run that ends otherwise before it is cancelled is not said to be, and nothing is removed', async () => {
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

test('a run that nobody works on is given up after a while, and its end and what to do then are told', async () => {
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
