import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 50 }, credits: 10 });
  await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

/** What a command without a terminal prints at a pause of this run. */
const LEFT = (id: string) =>
  new RegExp(`Left, with everything kept. To go on: dria-temporal resume ${id}, .*dria-temporal attach ${id}`);

describe('without a terminal a command ends with 4 when its run pauses', () => {
  test('for want of credits; an order brings its own worker, and the same command goes on', async () => {
    const output = world.path('poor.out');
    const args = ['batch', world.prompts('poor', 20), '--id', 'poor', '-c', '4', '-o', output];
    const paused = await world.run(args);
    expect([paused.code, paused.stderr]).toEqual([4, expect.stringMatching(/warning: the run is paused: .*402/)]);
    expect(paused.stderr).toMatch(LEFT('poor'));
    await world.network.addCredits(100_000);
    const resumed = await world.run(['resume', 'poor']);
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('dria-temporal attach poor')]);
    const again = await world.run(args);
    expect(again.code, again.stderr).toBe(0);
    expect(readResults(output)).toHaveLength(20);
    expect((await world.network.stats()).answered).toBe(20);
  });

  test('at a limit, which can be raised while no command is attached', async () => {
    const output = world.path('limited.out');
    const args = ['batch', world.prompts('limited', 40), '--id', 'limited', '-c', '2', '-o', output];
    const paused = await world.run([...args, '--max-total-tokens', '300']);
    expect([paused.code, paused.stderr]).toEqual([4, expect.stringContaining('set limited --max-total-tokens')]);
    expect((await world.run(['set', 'limited', '--max-total-tokens', 'none'])).code).toBe(0);
    expect((await world.run(['attach', 'limited'])).code).toBe(0);
    expect(readResults(output)).toHaveLength(40);
  });

  test('by somebody elsewhere', async () => {
    const run = world.start(['batch', world.prompts('held', 400), '--id', 'held', '-c', '2']);
    await world.network.answered(4);
    expect((await world.run(['pause', 'held'])).code).toBe(0);
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([4, expect.stringContaining('the run is paused by an operator')]);
    const attached = await world.run(['attach', 'held']);
    expect([attached.code, attached.stderr]).toEqual([4, expect.stringMatching(LEFT('held'))]);
  });

  test('after a canary, when that is asked for', async () => {
    const args = ['batch', world.prompts('bird', 20), '--id', 'bird', '--canary', '3', '--on-pause', 'exit'];
    const { code, stderr } = await world.run(args);
    expect([code, stderr]).toEqual([4, expect.stringContaining('Canary: 3 of 20 items asked, 3 ok, 0 failed.')]);
    expect((await world.network.stats()).requests).toBe(3);
  });

  test('after a canary of which nothing was answered, though --yes was given', async () => {
    await world.network.script({ match: { promptIncludes: 'refused' }, respond: { status: 422 } });
    const args = ['batch', world.prompts('refused', 20), '--id', 'refused', '--canary', '3', '--yes'];
    const { code, stderr } = await world.run(args);
    expect([code, stderr]).toEqual([4, expect.stringContaining('none of the 3 items of the canary was answered')]);
    expect((await world.network.stats()).requests).toBe(3);
  });
});

test('a run that answered nothing leaves an older output as it was, and says where its error lines are', async () => {
  await world.network.script({ match: { promptIncludes: 'nothing' }, respond: { status: 422 } });
  const output = world.file('good.out', '{"id":1,"output":"an old answer"}\n');
  const args = ['batch', world.prompts('nothing', 2), '--id', 'nothing', '-o', output];
  const { code, stderr } = await world.run(args);
  expect([code, stderr]).toEqual([3, expect.stringContaining('error lines: dria-temporal results nothing')]);
  expect(readFileSync(output, 'utf8')).toBe('{"id":1,"output":"an old answer"}\n');
  const results = await world.run(['results', 'nothing']);
  expect([results.code, results.stdout]).toEqual([3, expect.stringMatching(/"error":"422.*\n.*"error":"422/)]);
});
