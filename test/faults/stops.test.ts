import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { seeded } from '../support/seeded.js';
import { KilledRun, VICTIMS, type Victim } from './killed-run.js';

/** One round in which each process is stopped briefly; at length (FAULT_ROUNDS), one of them for 5 to 120 s in each. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 1);
const FIRST_SEED = Number(process.env.FAULT_SEED ?? 1);
const SEEDS = Array.from({ length: ROUNDS }, (_, round) => FIRST_SEED + round);

const ITEMS = 240;
const PERMITS = 10;
/** A command that is stopped for longer has lost its packs when it goes on. */
const HEARTBEAT_SECS = 2;
const BRIEF_MS = (HEARTBEAT_SECS + 1.5) * 1000;

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'uniform', minMs: 100, maxMs: 400 } });
});
afterAll(() => world.close());
beforeEach(() => world.network.reset());

interface Stop {
  readonly victim: Victim;
  readonly ms: number;
}

function stopsOf(seed: number, random: () => number): Stop[] {
  if (ROUNDS === 1) return VICTIMS.map((victim) => ({ victim, ms: BRIEF_MS }));
  const victim = VICTIMS[seed % VICTIMS.length] ?? 'all';
  return [{ victim, ms: 5_000 + random() * 115_000 }];
}

test.each(SEEDS)(
  'a command goes on after a stop of itself, the server, the keeper and all of them, and asks no more again than was in flight (seed %d)',
  async (seed) => {
    const stops = stopsOf(seed, seeded(3_000_000 + seed));
    const name = `stops-${seed}`;
    const output = world.path(`${name}-results.jsonl`);
    const flags = ['-c', String(PERMITS), '--pack', '15', '--heartbeat-timeout', String(HEARTBEAT_SECS), '-o', output];
    const run = new KilledRun(world, ['batch', world.prompts(name, ITEMS), ...flags]);
    for (const [index, { victim, ms }] of stops.entries()) {
      await run.stopAfter(Math.floor(((index + 0.5) / (stops.length + 1)) * ITEMS), victim, ms);
    }
    const { code, stderr } = await run.end();
    expect(code, stderr).toBe(0);
    // The one command has seen it through.
    expect(run.given, stderr).toBe(1);
    const lines = readResults(output);
    expect(lines.map(({ id }) => id)).toEqual(Array.from({ length: ITEMS }, (_, index) => index + 1));
    for (const { id, output: answer } of lines) expect(answer).toContain(`("${name} ${id}")`);
    const requests = await world.network.requests();
    const times = timesAsked(requests);
    expect(times.size).toBe(ITEMS);
    const again = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
    process.stderr.write(
      `${stops.map(({ victim, ms }) => `${victim} ${Math.round(ms)} ms`).join(', ')}: ${again} again\n`,
    );
    // A server that is stopped for longer than the heartbeat time-out takes packs for lost, too.
    expect(again).toBeLessThanOrEqual(stops.length * PERMITS);
    expect((await world.network.stats()).maxInFlight).toBeLessThanOrEqual(2 * PERMITS);
  },
  300_000,
);
