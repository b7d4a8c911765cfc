import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BatchHandle } from '../../src/client.js';
import { prompts, World } from '../support/batch-world.js';
import { devServer } from '../support/dev-server.js';

const SLOTS = 4;
const BACKLOG = 50;
const SMALL = 10;

let server: TestWorkflowEnvironment;

beforeAll(async () => {
  const settings = ['matching.useNewMatcher=true', 'matching.enableFairness=true'];
  const flags = settings.flatMap((setting) => ['--dynamic-config-value', setting]);
  server = await TestWorkflowEnvironment.createLocal(await devServer(...flags));
});
afterAll(() => server.teardown());

/** In the order of arrival so many requests of the large run would come before the small one's first. */
const IN_ORDER_OF_ARRIVAL = BACKLOG - SLOTS;

/**
 * Starts a large run with a backlog on a worker with few slots, then a small one beside it. Returns how many requests of
 * the large one came between the small one's start and so many of its own.
 */
async function waitedFor(own: number, priority?: number): Promise<number> {
  const world = await World.open({
    address: server.address,
    noWorker: true,
    simulator: { latency: { kind: 'fixed', ms: 150 } },
  });
  await world.startWorker({ activitySlots: SLOTS, shared: true });
  const options = { concurrency: BACKLOG, pack: 1, model: 'qwen3.5:9b' };
  const large = await world.start(prompts(250), { options });
  await world.answered(20);
  const before = (await world.requests()).length;
  const small = await startSmall(world, priority);
  await small.result();
  const requests = (await world.requests()).slice(before);
  await large.cancel();
  await large.result().catch(() => undefined);
  const positions = requests.flatMap(({ prompt = '' }, at) => (prompt.startsWith('small') ? [at] : []));
  return (positions[own - 1] ?? Number.POSITIVE_INFINITY) - own;
}

async function startSmall(world: World, priority: number | undefined): Promise<BatchHandle> {
  const lines = Array.from({ length: SMALL }, (_, at) => `small ${at}`);
  const options = { concurrency: SMALL, pack: 1, model: 'qwen3.5:9b' };
  return await world.start(lines, { options, ...(priority === undefined ? {} : { priority }) });
}

it('a run that shares workers with a large one does not wait for its backlog', async () => {
  // The first ones: how far the server's fairness goes for each further task differs from run to run.
  expect(await waitedFor(3)).toBeLessThan(IN_ORDER_OF_ARRIVAL);
});

it('a run with a priority goes first', async () => {
  expect(await waitedFor(SMALL, 1)).toBeLessThan(IN_ORDER_OF_ARRIVAL);
});

it('a run says its priority and its fairness key to the server, and its chunks and packs have them, too', async () => {
  const world = await World.open({ address: server.address });
  const run = await world.start(prompts(2), { priority: 2, weight: 2.5 });
  await run.result();
  const expected = { priorityKey: 2, fairnessKey: run.id, fairnessWeight: 2.5 };
  expect(await run.describe()).toMatchObject({ priority: 2, weight: 2.5 });
  const chunk = await world.client.workflow.getHandle(`${run.id}/chunk-0`).describe();
  expect(chunk.priority).toMatchObject(expected);
});
