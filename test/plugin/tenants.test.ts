import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { BatchHandle } from '../../src/client.js';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { prompts, World } from '../support/batch-world.js';
import { ownWorker } from '../support/own-worker.js';

it('one plugin sends each run with the key of its task queue, whatever the run says, and refuses a queue without a tenant', async () => {
  const world = await World.open({ noWorker: true, simulator: { keys: ['key-a', 'key-b'] } });
  const other = mkdtempSync(join(tmpdir(), 'dria-temporal-tenant-'));
  onTestFinished(() => rmSync(other, { recursive: true, force: true }));
  const [a, b, none] = ['a', 'b', 'none'].map((name) => `${world.taskQueue}-${name}`) as [string, string, string];
  const plugin = new DriaBatchPlugin({
    baseUrl: world.baseUrl,
    storage: world.root,
    apiKey: 'key-of-nobody',
    tenants: [
      { name: 'a', taskQueues: [a], apiKey: 'key-a' },
      { name: 'b', taskQueues: [b], apiKey: 'key-wrong', storage: other },
    ],
  });
  for (const taskQueue of [a, b, none]) await ownWorker(world, { taskQueue, plugins: [plugin] });
  const input = world.input(prompts(3));
  const start = (taskQueue: string, more: object = {}) =>
    world.batches.start({ id: `run-${taskQueue}${Object.keys(more).join('-')}`, taskQueue, input: { input, ...more } });

  const good = await (await start(a)).result();
  expect(good.ok).toBe(3);
  expect(world.has(good.results)).toBe(true);
  // Its own key is wrong: neither the other tenant's nor the worker's own is tried, and nothing of it lies elsewhere.
  expect(await failureOf(await start(b))).toContain('Unauthorized');
  expect([world.has(`runs/run-${b}/manifest/manifest.json`), existsSync(join(other, `runs/run-${b}`))]).toEqual([
    false,
    true,
  ]);
  expect(await failureOf(await start(none))).toContain('WrongEndpoint');
  // A run has no field that names a key.
  const named = await start(a, { tenant: 'b', apiKey: 'key-b' });
  expect(await failureOf(named)).toContain('InvalidInput');
  expect((await world.stats()).answered).toBe(3);
});

/** The types of the failures that a run ended with, from the outermost on. */
async function failureOf(run: BatchHandle): Promise<unknown[]> {
  const types: unknown[] = [];
  let error: unknown = await run.result().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  while (error instanceof Error) {
    types.push('type' in error ? error.type : error.name);
    error = error.cause;
  }
  return types;
}
