import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { seeded, shuffled } from '../support/seeded.js';
import { askedAgainWithoutReason, costOfKills, KilledRun, VICTIMS } from './killed-run.js';

/** FAULT_ROUNDS=50 for the long form; FAULT_SEED repeats a round that failed. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 1);
const FIRST_SEED = Number(process.env.FAULT_SEED ?? 1);
const SEEDS = Array.from({ length: ROUNDS }, (_, round) => FIRST_SEED + round);

const ITEMS = 150;
const PERMITS = 10;
/** So many items take about 4 s on one permit: what is not taken over of a lost pack shows. */
const PACK = 15;

/** What a run is given: small packs of a fixed size, and packs as they come, which share their permits. */
const WAYS = [
  { way: 'small', items: ITEMS, permits: PERMITS, pack: ['--pack', String(PACK)] },
  { way: 'shared', items: 4 * ITEMS, permits: 4 * PERMITS, pack: [] },
];
const ROUNDS_OF_WAYS = SEEDS.flatMap((seed) => WAYS.map((way) => ({ seed, ...way })));

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'uniform', minMs: 100, maxMs: 400 } });
});
afterAll(() => world.close());
beforeEach(() => world.network.reset());

/** Fails unless the file holds every item of the input exactly once, in order, with its own answer. */
function expectWhole(output: string, name: string, items: number): void {
  const lines = readResults(output);
  expect(lines.map(({ id }) => id)).toEqual(Array.from({ length: items }, (_, index) => index + 1));
  for (const { id, output: answer } of lines) expect(answer).toContain(`("${name} ${id}")`);
}

/** Fails unless each kill has cost no more than the requests that a run may have in flight, and no item its answer. */
async function expectCheap({ kills }: KilledRun, permits: number): Promise<void> {
  const requests = await world.network.requests();
  expect(askedAgainWithoutReason(requests, kills)).toEqual([]);
  const costs = costOfKills(requests, kills);
  expect(costs.filter((cost) => cost > permits)).toEqual([]);
}

test.each(ROUNDS_OF_WAYS)(
  'a run with $way packs survives kill -9 of command, server, keeper and all of them, and each kill costs what was in flight (seed $seed)',
  async ({ seed, way, items, permits, pack }) => {
    const random = seeded(seed);
    const name = `round-${way}-${seed}`;
    const output = world.path(`${name}-results.jsonl`);
    const flags = ['-c', String(permits), ...pack, '-o', output];
    const run = new KilledRun(world, ['batch', world.prompts(name, items), ...flags]);
    const victims = shuffled(VICTIMS, random);
    for (const [index, victim] of victims.entries()) {
      const share = (index + 0.25 + random() * 0.5) / (victims.length + 1);
      await run.killAfter(Math.floor(share * items), Math.floor(random() * 300), victim);
    }
    const { code, stderr } = await run.end();
    expect(code, stderr).toBe(0);
    expectWhole(output, name, items);
    expect(timesAsked(await world.network.requests()).size).toBe(items);
    await expectCheap(run, permits);
    expect((await world.network.stats()).maxInFlight).toBeLessThanOrEqual(2 * permits);
  },
  180_000,
);

test.each(SEEDS)('three kills of a command cost no more than what was in flight at each (seed %d)', async (seed) => {
  const random = seeded(2_000_000 + seed);
  const name = `three-${seed}`;
  const output = world.path(`${name}-results.jsonl`);
  const run = new KilledRun(world, ['batch', world.prompts(name, 2 * ITEMS), '-c', String(PERMITS), '-o', output]);
  for (const share of [0.2, 0.45, 0.7]) await run.killAfter(share * 2 * ITEMS, random() * 600, 'command');
  const { code, stderr } = await run.end();
  expect(code, stderr).toBe(0);
  expectWhole(output, name, 2 * ITEMS);
  await expectCheap(run, PERMITS);
});

test.each(SEEDS)('a command killed while it starts leaves nothing half-done (seed %d)', async (seed) => {
  const random = seeded(-seed);
  const name = `start-${seed}`;
  const output = world.path(`${name}-results.jsonl`);
  const run = new KilledRun(world, ['batch', world.prompts(name, 20), '-o', output]);
  for (let kills = 0; kills < 3; kills += 1) {
    await delay(200 + random() * 1800);
    await run.kill('command');
  }
  const { code, stderr } = await run.end();
  expect(code, stderr).toBe(0);
  expectWhole(output, name, 20);
  await expectCheap(run, PERMITS);
});

test.each(SEEDS)('a command killed while the run ends still delivers it whole, and once (seed %d)', async (seed) => {
  const random = seeded(1_000_000 + seed);
  const name = `ending-${seed}`;
  const output = world.path(`${name}-results.jsonl`);
  const run = new KilledRun(world, ['batch', world.prompts(name, ITEMS), '-c', '50', '-o', output]);
  // Its last moments: the last answers are written, the part, the results, and the output, which a later command does.
  for (let kills = 0; kills < 4; kills += 1) await run.killAfter(ITEMS, random() * 600, 'command');
  const { code, stderr } = await run.end();
  expect(code, stderr).toBe(0);
  expectWhole(output, name, ITEMS);
  await expectCheap(run, 50);
});
