import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import * as activities from '../../examples/in-memory/activities.js';
import type { TriageReport } from '../../examples/in-memory/workflows.js';
import type { BatchResult } from '../../src/batch/run.js';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { readResults, stagePrompts } from '../../src/prompts.js';
import { World } from '../support/batch-world.js';
import { MemoryStorage } from '../support/memory-storage.js';

let bundle: WorkflowBundleWithSourceMap;
beforeAll(async () => {
  const workflowsPath = fileURLToPath(new URL('./prompt-workflows.ts', import.meta.url));
  bundle = await bundleWorkflowCode({ workflowsPath, logger: quiet });
});

const nothing = (): void => undefined;
const quiet = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Opens a world whose worker has the workflows of this test and a storage that no other process can see. */
async function openWorld(): Promise<{ world: World; storage: MemoryStorage }> {
  const world = await World.open({ noWorker: true });
  const storage = new MemoryStorage();
  world.run(
    await Worker.create({
      connection: world.native,
      taskQueue: world.taskQueue,
      workflowBundle: bundle,
      activities,
      plugins: [new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage })],
    }),
  );
  return { world, storage };
}

async function execute<T>(world: World, type: string, ...args: unknown[]): Promise<T> {
  const options = { taskQueue: world.taskQueue, workflowId: `${type}-${world.taskQueue}`, args };
  return await world.client.workflow.execute<(...args: unknown[]) => Promise<T>>(type, options);
}

async function failureOf(world: World, type: string, ...args: unknown[]): Promise<unknown> {
  return await execute(world, type, ...args).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.cause : error),
  );
}

describe('prompts that a workflow has in memory', () => {
  it('are classified as the example does it, which goes on with the answers', async () => {
    const { world } = await openWorld();
    const report = await execute<TriageReport>(world, 'triageTickets', '2026-11-30');
    expect(report).toMatchObject({ tickets: 20, failed: 0 });
    for (const id of report.escalated) expect(id).toMatch(/^2026-11-30\/\d+$/);
    expect(report.escalated.length).toBeGreaterThan(0);
  });

  it('are staged and read in portions if no payload could carry them, every item once and in order', async () => {
    const { world } = await openWorld();
    const { ids, portions } = await execute<{ ids: number[]; portions: number }>(world, 'roundTrip', 2500, 900);
    expect(ids).toEqual(Array.from({ length: 2500 }, (_, at) => at));
    expect(portions).toBeGreaterThan(4);
  });

  it('are refused above what a history should carry, with the way out, and the workflow ends', async () => {
    const { world, storage } = await openWorld();
    expect(await failureOf(world, 'roundTrip', 9000, 1000)).toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/the prompts have 9\.\d MB.*stage them in an activity of your own/),
    });
    expect(await failureOf(world, 'roundTrip', 0, 10)).toMatchObject({ type: 'InvalidInput' });
    expect(await failureOf(world, 'roundTrip', 1, 1_600_000)).toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('prompt 1 has 1.6 MB'),
    });
    expect(storage.objects.size).toBe(0);
  });

  it('are staged by a client, whose results come in the result if they are few, and are named if they are many', async () => {
    const { world, storage } = await openWorld();
    const few = await stagePrompts(['one', { prompt: 'two', id: 'b' }], { storage });
    const start = (id: string, input: string) =>
      world.batches.start({
        id,
        taskQueue: world.taskQueue,
        input: { input, return: 'inline', options: { concurrency: 100 } },
      });
    const small: BatchResult = await (await start(`few-${world.taskQueue}`, few)).result();
    expect(small.lines?.map(({ id, output }) => [id, output])).toEqual([
      [1, expect.stringContaining('("one")')],
      ['b', expect.stringContaining('("two")')],
    ]);
    const read: unknown[] = [];
    for await (const line of readResults(small, { storage })) read.push(line);
    expect(read).toEqual(small.lines);
    const many = await stagePrompts(
      Array.from({ length: 3000 }, (_, at) => `item ${at}`),
      { storage },
    );
    const large = await (await start(`many-${world.taskQueue}`, many)).result();
    expect(large).toMatchObject({ ok: 3000, notInline: expect.stringContaining('262144') });
    expect(large.lines).toBeUndefined();
  });

  it('reads nothing for a workflow that is not the results of a run', async () => {
    const { world } = await openWorld();
    for (const key of ['runs/a/manifest/settings.json', 'runs/../inputs/results.jsonl', '../results.jsonl']) {
      expect(await failureOf(world, 'readKey', key)).toMatchObject({ cause: { type: 'InvalidInput' } });
    }
  });
});
