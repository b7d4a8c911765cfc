import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { freePort } from '../support/free-ports.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { S3Server, s3Program } from '../support/s3-server.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-command.js';
import { Postgres } from './postgres.js';
import { TemporalCluster } from './temporal-cluster.js';

const ITEMS = 1_500;
const PERMITS = 30;

let folder: string;
let postgres: Postgres;
let cluster: TemporalCluster;
let s3: S3Server;
let world: CliWorld;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dria-temporal-cluster-'));
  // PostgreSQL's own user must get to its directory.
  chmodSync(folder, 0o755);
  const program = s3Program();
  if (program === undefined) throw new Error('no S3 server: install Go');
  s3 = await S3Server.start(program);
  postgres = await Postgres.start(folder);
  cluster = await TemporalCluster.start(folder, postgres.port);
  world = await CliWorld.open({ latency: { kind: 'uniform', minMs: 100, maxMs: 500 } });
});
afterAll(async () => {
  await world?.close();
  await cluster?.close();
  await postgres?.close();
  await s3?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a run on Temporal with PostgreSQL, an S3 server and workers survives the death of workers and of the server', async () => {
  const env = {
    ...s3.env,
    TEMPORAL_ADDRESS: cluster.address,
    DRIA_TEMPORAL_STORAGE: s3.root('cluster'),
    DRIA_TEMPORAL_FLUSH_INTERVAL: '0.5',
  };
  const health = `127.0.0.1:${await freePort()}`;
  const workers = [
    await startWorker(world, ['--health-address', health], { env }),
    await startWorker(world, [], { env }),
    await startWorker(world, [], { env }),
  ];
  const output = world.path('results.jsonl');
  const flags = ['-o', output, '-c', String(PERMITS), '--heartbeat-timeout', '10'];
  const run = world.start(['batch', world.prompts('cluster', ITEMS), ...flags], { env });

  await world.network.answered(300);
  workers[1]?.signal('SIGKILL');
  await world.network.answered(600);
  await cluster.crash();
  await until('the first worker is ready again', async () => (await fetch(`http://${health}/readyz`)).ok, 120_000);
  workers[2]?.signal('SIGTERM');
  expect((await workers[2]?.ended)?.code).toBe(0);
  workers.push(await startWorker(world, [], { env }));

  const { code, stderr } = await run.ended;
  expect(code, stderr).toBe(0);
  const answers = readResults(output).map(({ output: answer }) => answer);
  expect(answers).toEqual(Array.from({ length: ITEMS }, (_, at) => expect.stringContaining(`("cluster ${at + 1}")`)));
  const times = timesAsked(await world.network.requests());
  const again = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
  process.stdout.write(`${ITEMS} items, ${again} asked again\n`);
  // One kill of a worker costs the requests in flight and the answers of half a second; the server's death costs nothing.
  expect([times.size, again <= PERMITS * 6]).toEqual([ITEMS, true]);
  for (const worker of workers) if (worker.isRunning) worker.signal('SIGTERM');
});
