import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { freePort } from '../support/free-ports.js';
import { timesAsked } from '../support/network-process.js';
import { refused } from '../support/refused.js';
import { readResults } from '../support/result-lines.js';
import { ServerLink } from '../support/server-link.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-command.js';

let world: CliWorld;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open({ latency: { kind: 'fixed', ms: 200 } });
  address = await world.keepServer();
});
afterEach(() => world.network.reset());
afterAll(() => world.close());

/** Arguments of a batch on the workers of a task queue. */
function batchOn(queue: string, name: string, items: number, ...flags: string[]): string[] {
  const output = world.path(`${name}-results.jsonl`);
  return ['batch', world.prompts(name, items), '-o', output, '--address', address, '-t', queue, ...flags];
}

function expectWhole(name: string, items: number): void {
  const answers = readResults(world.path(`${name}-results.jsonl`)).map(({ output }) => output);
  expect(answers).toEqual(Array.from({ length: items }, (_, at) => expect.stringContaining(`("${name} ${at + 1}")`)));
}

describe('a worker that is asked to end', () => {
  test('takes no new work, finishes its requests, and nothing is lost or asked twice', async () => {
    const args = ['--address', address, '-t', 'drain'];
    const [first, second] = [await startWorker(world, args), await startWorker(world, args)];
    const batch = world.start(batchOn('drain', 'drain', 80, '-c', '8'));
    await world.network.answered(16);
    first.signal('SIGTERM');
    const ended = await first.ended;
    expect(ended.code, ended.stderr).toBe(0);
    const { code, stderr } = await batch.ended;
    expect(code, stderr).toBe(0);
    expectWhole('drain', 80);
    expect(Math.max(...timesAsked(await world.network.requests()).values())).toBe(1);
    second.signal('SIGTERM');
    expect((await second.ended).code).toBe(0);
  });

  test('hands back what does not finish within --shutdown-grace', async () => {
    await world.network.script({ match: { promptIncludes: 'grace 1', times: 1 }, respond: { kind: 'hang' } });
    const args = ['--address', address, '-t', 'grace'];
    const first = await startWorker(world, [...args, '--shutdown-grace', '0.5']);
    const batch = world.start(batchOn('grace', 'grace', 3, '-c', '3', '--heartbeat-timeout', '5'));
    await world.network.answered(2);
    first.signal('SIGTERM');
    expect((await first.ended).code).toBe(0);
    const second = await startWorker(world, args);
    const { code, stderr } = await batch.ended;
    expect(code, stderr).toBe(0);
    expectWhole('grace', 3);
    expect(timesAsked(await world.network.requests())).toEqual(
      new Map([
        ['grace 1', 2],
        ['grace 2', 1],
        ['grace 3', 1],
      ]),
    );
    second.signal('SIGTERM');
    await second.ended;
  });
});

describe('a worker says how it is', () => {
  test('/readyz is 200 while it can take work, and 503 with the reason while Temporal is away', async () => {
    const link = await ServerLink.open(address);
    const health = `127.0.0.1:${await freePort()}`;
    const worker = await startWorker(world, ['--address', `127.0.0.1:${link.port}`, '--health-address', health]);
    const ready = async () => await fetch(`http://${health}/readyz`);
    expect([(await ready()).status, await (await ready()).json()]).toEqual([200, { status: 'ready' }]);
    link.cut();
    await until('it is not ready', async () => (await ready()).status === 503);
    expect(await (await ready()).json()).toEqual({
      status: 'not ready',
      reason: 'the Temporal server does not answer',
    });
    expect((await fetch(`http://${health}/healthz`)).status).toBe(200);
    link.restore();
    await until('it is ready again', async () => (await ready()).status === 200);
    expect((await fetch(`http://${health}/`)).status).toBe(404);
    worker.signal('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    await link.close();
  });

  test('/metrics counts requests by model and outcome, tokens, permits and the times of answers', async () => {
    await world.network.script({ match: { promptIncludes: 'metrics 3' }, respond: { status: 422, message: 'no' } });
    const metrics = `localhost:${await freePort()}`;
    const args = ['--address', address, '-t', 'metrics'];
    const worker = await startWorker(world, args, { env: { DRIA_TEMPORAL_METRICS_ADDRESS: metrics } });
    const model = 'qwen3.5:9b';
    expect((await world.run(batchOn('metrics', 'metrics', 6, '-m', model, '-c', '2'))).code).toBe(3);
    const text = await (await fetch(`http://${metrics}/metrics`)).text();
    expect(sum(text, 'dria_temporal_requests_total', `model="${model}"`, 'outcome="ok"')).toBe(5);
    expect(sum(text, 'dria_temporal_requests_total', 'outcome="InvalidRequest"')).toBeGreaterThanOrEqual(1);
    const tokens = readResults(world.path('metrics-results.jsonl')).reduce((all, { tokens = 0 }) => all + tokens, 0);
    expect(sum(text, 'dria_temporal_tokens_total', `model="${model}"`)).toBe(tokens);
    expect(sum(text, 'dria_temporal_request_latency_seconds_count')).toBe(5);
    expect(sum(text, 'dria_temporal_request_latency_seconds_sum')).toBeGreaterThan(5 * 0.2);
    expect(sum(text, 'dria_temporal_permits_used')).toBe(0);
    expect(text).toMatch(/^temporal_activity_execution_latency_seconds_count/m);
    expect(text).not.toContain('dkn_live');
    worker.signal('SIGTERM');
    await worker.ended;
  });
});

/** Adds up the samples of a metric that have all the labels. */
function sum(text: string, name: string, ...labels: string[]): number {
  const samples = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  expect(samples, `${name} in\n${text}`).not.toEqual([]);
  return samples
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((all, line) => all + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

test('serves several queues, and never has more requests in flight than it may', async () => {
  const env = { DRIA_TEMPORAL_MAX_REQUESTS: '3', DRIA_TEMPORAL_TASK_QUEUE: 'left, right' };
  const worker = await startWorker(world, ['--address', address], { env });
  const batches = ['left', 'right'].map((queue) => world.run(batchOn(queue, queue, 20, '-c', '5')));
  for (const { code, stderr } of await Promise.all(batches)) expect(code, stderr).toBe(0);
  expectWhole('left', 20);
  expectWhole('right', 20);
  expect((await world.network.stats()).maxInFlight).toBe(3);
  worker.signal('SIGTERM');
  await worker.ended;
});

describe('is refused', () => {
  test.each<[string, string[], RegExp]>([
    ['an address that is none', ['--health-address', 'here'], /--health-address.*host:port/s],
    ['a number that is none', ['--activity-slots', 'many'], /--activity-slots.*not a number/s],
    ['the same queue twice', ['-t', 'a,a'], /--task-queue: a,a has .* the same one twice/],
    ['half of a version', ['--build-id', 'v1'], /--build-id needs --deployment-name/],
    ['too few slots', ['--workflow-slots', '1'], /--workflow-slots: Too small/],
  ])('%s', async (_name, args, words) => {
    expect(await refused(world, ['worker', '--address', address, ...args])).toMatch(words);
  });

  test('a value of a variable, by the name of the variable', async () => {
    const said = await refused(world, ['worker'], { env: { DRIA_TEMPORAL_MAX_REQUESTS: 'many' } });
    expect(said).toContain('DRIA_TEMPORAL_MAX_REQUESTS');
  });

  test.each(['health', 'metrics'])('a host that nobody knows, for %s', async (what) => {
    const said = await refused(world, ['worker', '--address', address, `--${what}-address`, 'nowhere.invalid:9464']);
    expect(said).toMatch(
      new RegExp(`--${what}-address: cannot listen on nowhere.invalid:9464: (no such host|.*cannot be looked up)`),
    );
  });

  test.each(['health', 'metrics'])('an address that is taken, for %s', async (what) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const bound = taken.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const { code, stderr } = await world.run([
      'worker',
      '--address',
      address,
      `--${what}-address`,
      `127.0.0.1:${port}`,
    ]);
    taken.close();
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`--${what}-address: cannot listen on 127.0.0.1:${port}`),
    ]);
  });
});
