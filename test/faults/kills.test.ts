import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { seeded, shuffled } from '../support/seeded.js';
import { askedAgainWithoutReason, KilledRun, VICTIMS } from './killed-run.js';

/** FAULT_ROUNDS=50 for the long form; FAULT_SEED repeats a round that failed. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 1);
const FIRST_SEED = Number(process.env.FAULT_SEED ?? 1);
const SEEDS = Array.from({ length: ROUNDS }, (_, round) => FIRST_SEED + round);

const ITEMS = 150;
const LANES = 10;
/** So many items take about 4 s: much longer than answers wait to be written, so that what is not taken over shows. */
const PACK = 15;

/** What a run is given: packs on one lane, and packs on several that lend each other their lanes. */
const WAYS = [
  { way: 'narrow', items: ITEMS, lanes: LANES, pack: ['--pack', String(PACK)] },
  { way: 'wide', items: 4 * ITEMS, lanes: 4 * LANES, pack: [] },
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

test.each(ROUNDS_OF_WAYS)(
  'a run with $way packs survives kill -9 of command, server, keeper and all of them, and asks again only what was in flight (seed $seed)',
  async ({ seed, way, items, lanes, pack }) => {
    const random = seeded(seed);
    const name = `round-${way}-${seed}`;
    const output = world.path(`${name}-results.jsonl`);
    const flags = ['-c', String(lanes), ...pack, '-o', output];
    const run = new KilledRun(world, ['batch', world.prompts(name, items), ...flags]);
    const victims = shuffled(VICTIMS, random);
    for (const [index, victim] of victims.entries()) {
      const share = (index + 0.25 + random() * 0.5) / (victims.length + 1);
      await run.killAfter(Math.floor(share * items), Math.floor(random() * 300), victim);
    }
    const { code, stderr } = await run.end();
    expect(code, stderr).toBe(0);
    expectWhole(output, name, items);
    const requests = await world.network.requests();
    expect(timesAsked(requests).size).toBe(items);
    expect(askedAgainWithoutReason(requests, run.kills)).toEqual([]);
    expect((await world.network.stats()).maxInFlight).toBeLessThanOrEqual(2 * lanes);
  },
  180_000,
);

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
  expect(askedAgainWithoutReason(await world.network.requests(), run.kills)).toEqual([]);
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
  expect(askedAgainWithoutReason(await world.network.requests(), run.kills)).toEqual([]);
});
