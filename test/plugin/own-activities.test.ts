import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { prompts, World } from '../support/batch-world.js';
import { ownWorker } from '../support/own-worker.js';
import { until } from '../support/until.js';

const OWN = {
  workflowsPath: fileURLToPath(new URL('./prompt-workflows.ts', import.meta.url)),
  activities: { greet: async (name: string) => `Hello ${name}` },
};

/** Runs a workflow that has started a batch of 50 prompts, which nobody answers, and an activity of its own. */
async function greetBesideBatch(world: World, taskQueue: string, batchQueue?: string): Promise<string> {
  const args = [world.input(prompts(50)), batchQueue];
  const options = { taskQueue, workflowId: `greet-${world.taskQueue}`, args };
  const handle = await world.client.workflow.start<(...args: unknown[]) => Promise<string>>(
    'greetBesideBatch',
    options,
  );
  await until('all permits are in use', async () => (await world.stats()).inFlight === 50);
  await handle.signal('busy');
  return await handle.result();
}

const HANGING = { simulator: { latency: { kind: 'fixed', ms: 60_000 } } } as const;

it('an activity of a worker that serves batches too does not wait behind packs', async () => {
  const world = await World.open({ ...HANGING, noWorker: true });
  const plugin = new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage: world.root });
  const { native: connection, taskQueue } = world;
  const options: WorkerOptions = { connection, taskQueue, ...OWN, plugins: [plugin], shutdownGraceTime: 100 };
  world.run(await Worker.create(options));
  expect(await greetBesideBatch(world, taskQueue)).toBe('Hello Ada beside batch');
});

it('with a task queue for batches, one activity slot is enough for all else', async () => {
  const world = await World.open(HANGING);
  const taskQueue = `${world.taskQueue}-own`;
  await ownWorker(world, { taskQueue, ...OWN, maxConcurrentActivityTaskExecutions: 1 });
  expect(await greetBesideBatch(world, taskQueue, world.taskQueue)).toBe('Hello Ada beside batch');
});
