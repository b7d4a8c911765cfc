import { copyFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { serverPaths } from '../../src/embedded/data-dir.js';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { seeded } from '../support/seeded.js';
import { until } from '../support/until.js';
import { askedAgainWithoutReason, costOfKills, type Kill } from './killed-run.js';

/*
 * A power cut takes all processes, and of the embedded server's database what was not synced: its last moments. So the
 * server is killed and given back a database of some time ago. The answers of the last second, which a power cut may cost
 * as well, are left: no process can take back what was written.
 */

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 1);
const FIRST_SEED = Number(process.env.FAULT_SEED ?? 1);
const SEEDS = Array.from({ length: ROUNDS }, (_, round) => FIRST_SEED + round);

const ITEMS = 300;
const PERMITS = 10;
/**
 * Packs that are begun after the moment that the database goes back to are cut anew: of the same size, so that they have
 * the same items again, or as it goes, so that they have others.
 */
const PACKS = [['--pack', '4'], []];
/** So many answers come in some 2.5 s: many packs of which the database knows nothing. */
const LOST = 100;

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'uniform', minMs: 100, maxMs: 400 } });
});
afterAll(() => world.close());
beforeEach(() => world.network.reset());

/** The files of the database: itself and its write-ahead log. */
const files = () => ['', '-wal'].map((suffix) => `${serverPaths(world.dataDir).database}${suffix}`);

/** Takes the database as it is at one moment. */
function keepDatabase(): void {
  const pids = world.servers;
  if (pids.length === 0) throw new Error('there is no server');
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  for (const file of files()) copyFileSync(file, `${file}.kept`);
  for (const pid of pids) process.kill(pid, 'SIGCONT');
}

function giveBackDatabase(): void {
  for (const file of files()) copyFileSync(`${file}.kept`, file);
}

test.each(SEEDS)(
  'a run whose server has lost its last moments goes on, and asks again only what was in flight (seed %d)',
  async (seed) => {
    const random = seeded(seed);
    const name = `power-${seed}`;
    const output = world.path(`${name}-results.jsonl`);
    const args = ['batch', world.prompts(name, ITEMS), '-c', String(PERMITS), ...(PACKS[seed % 2] ?? []), '-o', output];
    const run = world.start(args);
    await world.network.answered(5 + Math.floor(random() * 60));
    keepDatabase();
    const { answered } = await world.network.stats();
    await world.network.answered(answered + LOST + Math.floor(random() * 60));
    const kills: Kill[] = [await cutPower(run.pid)];
    await run.ended;
    giveBackDatabase();
    const { code, stderr } = await world.run(args);
    expect(code, stderr).toBe(0);
    const answers = readResults(output).map(({ output: answer }) => answer);
    expect(answers).toEqual(Array.from({ length: ITEMS }, (_, at) => expect.stringContaining(`("${name} ${at + 1}")`)));
    const requests = await world.network.requests();
    expect(timesAsked(requests).size).toBe(ITEMS);
    expect(askedAgainWithoutReason(requests, kills).map(({ prompt }) => prompt)).toEqual([]);
    expect(Math.max(...costOfKills(requests, kills))).toBeLessThanOrEqual(PERMITS);
  },
  180_000,
);

async function cutPower(command: number): Promise<Kill> {
  const victims = [command, world.keeper, ...world.servers].filter((pid) => pid !== undefined);
  const from = Date.now();
  for (const pid of victims) process.kill(pid, 'SIGKILL');
  await until('the server is gone', () => world.servers.length === 0);
  return { victim: 'all', from, to: Date.now() };
}
