import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { prompts, World } from '../support/batch-world.js';
import { ownWorker } from '../support/own-worker.js';

it('serves workers at once and one after the other, each as the first', async () => {
  const world = await World.open({ noWorker: true });
  const plugin = new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage: world.root });
  const first = await startWorker(world, plugin);
  const beside = await startWorker(world, plugin);
  expect(await outcome(world, first)).toMatchObject({ ok: 3 });
  await first.stop();
  expect(await outcome(world, beside)).toMatchObject({ ok: 3 });
  await beside.stop();
  const next = await startWorker(world, plugin);
  expect(await outcome(world, next)).toMatchObject({ ok: 3 });
  await next.stop();
});

interface Running {
  readonly taskQueue: string;
  readonly stop: () => Promise<void>;
}

async function startWorker(world: World, plugin: DriaBatchPlugin): Promise<Running> {
  const taskQueue = `plugin-${randomUUID()}`;
  const { stop } = await ownWorker(world, { taskQueue, plugins: [plugin] });
  return { taskQueue, stop };
}

async function outcome(world: World, { taskQueue }: Running): Promise<unknown> {
  const input = { input: world.input(prompts(3)) };
  const run = await world.batches.start({ id: `run-${randomUUID()}`, taskQueue, input });
  return await run.result();
}
