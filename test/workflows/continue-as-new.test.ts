import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { devServer, suggestContinueAsNewAfter } from '../support/dev-server.js';

let server: TestWorkflowEnvironment;

beforeAll(async () => {
  server = await TestWorkflowEnvironment.createLocal(await devServer(...suggestContinueAsNewAfter(40)));
});
afterAll(() => server.teardown());

const once = (count: number) => Array(count).fill(1);

it('goes on in a fresh history when a run has many chunks, with nothing lost or asked twice', async () => {
  const world = await World.open({ address: server.address });
  const run = await world.start(prompts(36), { options: { concurrency: 3, chunkSize: 4 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ items: 36, ok: 36, failed: 0, requests: 36 });
  expect(world.output(results).map(({ id }) => id)).toEqual(Array.from({ length: 36 }, (_, index) => index + 1));
  expect([...askedTimes(await world.requests()).values()]).toEqual(once(36));
  expect(await executions(world, run.id)).toBeGreaterThan(1);
  // The counts and the start go along.
  expect(await run.progress()).toMatchObject({ state: 'completed', ok: 36, chunks: { total: 9, done: 9 } });
  expect(summary.startedAt).toBeLessThan(await startOfLast(world, run.id));
});

it('goes on in a fresh history when a chunk has many packs', async () => {
  const world = await World.open({ address: server.address });
  const run = await world.start(prompts(40), { options: { concurrency: 4, chunkSize: 40, pack: 1 } });
  expect(await run.result()).toMatchObject({ ok: 40, requests: 40 });
  expect([...askedTimes(await world.requests()).values()]).toEqual(once(40));
  expect(await executions(world, `${run.id}/chunk-0`)).toBeGreaterThan(1);
});

it('stays paused, and hears updates, over the change of history', async () => {
  // The last item is answered when the test has steered: a busy machine must not let the run end before.
  let release = () => {};
  const steered = new Promise<void>((resolve) => {
    release = resolve;
  });
  const world = await World.open({
    address: server.address,
    simulator: { latency: { kind: 'fixed', ms: 50 } },
    held: { includes: 'prompt 47', until: steered },
  });
  const run = await world.start(prompts(48), { options: { concurrency: 3, chunkSize: 4 } });
  await progressUntil(run, 'some chunks are done', ({ chunks }) => chunks.done > 2);
  for (let round = 0; round < 5; round++) {
    expect(await run.pause()).toMatchObject({ state: 'paused' });
    expect(await run.progress()).toMatchObject({ state: 'paused' });
    expect(await run.resume()).toMatchObject({ state: 'running' });
  }
  release();
  expect(await run.result()).toMatchObject({ ok: 48, requests: 48 });
  expect(await executions(world, run.id)).toBeGreaterThan(1);
});

it('keeps what was set over the change of history', async () => {
  const world = await World.open({ address: server.address, simulator: { latency: { kind: 'fixed', ms: 50 } } });
  const run = await world.start(prompts(48), { options: { concurrency: 1, chunkSize: 4 } });
  await world.answered(3);
  await run.set({ concurrency: 3, maxTokens: 99 });
  expect(await run.result()).toMatchObject({ ok: 48, requests: 48 });
  expect(await executions(world, run.id)).toBeGreaterThan(1);
  expect(await run.progress()).toMatchObject({ permits: { total: 3 } });
  const last = (await world.requests()).slice(-20);
  expect(last.map(({ maxTokens }) => maxTokens)).toEqual(Array(20).fill(99));
});

async function executions(world: World, workflowId: string): Promise<number> {
  let count = 0;
  for await (const { historyLength } of listed(world, workflowId)) {
    expect(historyLength).toBeLessThan(400);
    count++;
  }
  return count;
}

async function startOfLast(world: World, workflowId: string): Promise<number> {
  const { startTime } = await world.client.workflow.getHandle(workflowId).describe();
  return startTime.getTime();
}

function listed(world: World, workflowId: string) {
  return world.client.workflow.list({ query: `WorkflowId = '${workflowId}'` });
}
