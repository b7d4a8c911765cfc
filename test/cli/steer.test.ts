import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld, type Command } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 150 } });
  await world.keepServer();
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

/** An unfinished run, in another terminal. */
async function running(name: string, items: number): Promise<Command> {
  const output = world.path(`${name}-results.jsonl`);
  const args = ['batch', world.prompts(name, items), '--id', name, '-c', '4', '-o', output, '--on-pause', 'wait'];
  const run = world.start(args);
  await world.network.answered(8);
  await world.network.slowDown(name);
  return run;
}

describe('from another terminal', () => {
  test('a run is paused and resumed, and nothing is lost or asked twice', async () => {
    const run = await running('paused', 80);
    const pause = await world.run(['pause', 'paused']);
    expect([pause.code, pause.stderr]).toEqual([
      0,
      expect.stringMatching(/^paused is paused: \d+ of 80 items are done$/m),
    ]);
    const status = await world.run(['status', 'paused', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({
      state: 'paused',
      reason: expect.stringContaining('paused by an operator'),
    });
    expect(run.isRunning).toBe(true);
    await world.network.clearRules();
    const resume = await world.run(['resume', 'paused']);
    expect([resume.code, resume.stderr]).toEqual([0, expect.stringContaining('paused is running')]);
    expect((await run.ended).code).toBe(0);
    expect(readResults(world.path('paused-results.jsonl'))).toHaveLength(80);
    expect(Math.max(...timesAsked(await world.network.requests()).values())).toBe(1);
  });

  test('a run is cancelled, its answers are written, and the same command asks only the rest', async () => {
    const run = await running('cancelled', 80);
    const output = world.path('so-far.jsonl');
    const cancel = await world.run(['cancel', 'cancelled', '-o', output]);
    expect([cancel.code, cancel.stderr]).toEqual([0, expect.stringContaining('its answers are kept')]);
    expect((await run.ended).code).toBe(1);
    const ids = readResults(output).map(({ id }) => Number(id));
    const { answered } = await world.network.stats();
    expect(ids).toHaveLength(answered);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    await world.network.clearRules();
    const again = ['batch', world.path('cancelled.jsonl'), '--id', 'cancelled', '-c', '4'];
    expect((await world.run(again)).code).toBe(0);
    expect((await world.network.stats()).requests).toBe(80);
  });
});

describe('an order is refused for a run that', () => {
  test.each(['pause', 'resume', 'cancel'])('is not there: %s', async (order) => {
    const { code, stderr } = await world.run([order, 'nobody']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('there is no run nobody')]);
  });

  test('has ended', async () => {
    expect((await world.run(['batch', world.prompts('over', 2), '--id', 'over'])).code).toBe(0);
    const { code, stderr } = await world.run(['pause', 'over']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the run over has ended: completed')]);
  });
});
