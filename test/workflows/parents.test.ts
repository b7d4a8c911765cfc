import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BatchInput } from '../../src/batch/run.js';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { prompts, World, type WorldOptions } from '../support/batch-world.js';
import { until } from '../support/until.js';

let workflowBundle: WorkflowBundleWithSourceMap;
beforeAll(async () => {
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./parents.mjs', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
});

/** A world whose worker runs the parents too. */
async function open(options: WorldOptions = {}): Promise<World> {
  const world = await World.open({ ...options, noWorker: true });
  world.run(
    await Worker.create({
      connection: world.native,
      taskQueue: world.taskQueue,
      workflowBundle,
      plugins: [new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage: world.root })],
      shutdownGraceTime: 100,
    }),
  );
  return world;
}

type Parent<T> = (input: BatchInput) => Promise<T>;

async function start<T>(world: World, parent: string, input: Partial<BatchInput>, retried = false) {
  return await world.client.workflow.start<Parent<T>>(parent, {
    workflowId: `parent-${world.taskQueue}`,
    taskQueue: world.taskQueue,
    args: [{ heartbeatTimeoutMs: 3000, input: world.input(prompts(4)), ...input }],
    ...(retried ? { retry: { initialInterval: 1, maximumAttempts: 3 } } : {}),
  });
}

it('steers its run by signals, is notified of the pause, and finds a refused signal among the notes', async () => {
  const world = await open();
  const parent = await start(world, 'steersItsRun', {});
  expect(await parent.result()).toMatchObject({
    ok: 4,
    notes: [expect.stringMatching(/^the signal set was refused: concurrency: /)],
    notices: [
      { runId: `${parent.workflowId}/run`, state: 'paused', pausedBy: 'operator', reason: expect.any(String) },
      { runId: `${parent.workflowId}/run`, state: 'running' },
    ],
  });
  expect((await world.requests()).map(({ maxTokens }) => maxTokens)).toEqual([33, 33, 33, 33]);
});

it('that is retried runs its batch again under its id, and gets the answers that are there', async () => {
  const world = await open();
  const parent = await start(world, 'isRetried', {}, true);
  expect(await parent.result()).toEqual({ ok: 4, requests: 4, attempt: 3 });
  expect((await world.stats()).requests).toBe(4);
});

describe('gets one failure with its kind and facts', () => {
  it.each<[string, Partial<BatchInput>, object]>([
    [
      'InvalidInput',
      { input: '/nowhere.jsonl' },
      { items: 0, ok: 0, message: expect.stringContaining('no such file') },
    ],
    ['InvalidInput', { notify: { signal: 'x' }, options: { concurrency: 0 } }, { items: 0 }],
    ['Paused', { onPause: 'fail', options: { concurrency: 1 } }, { pausedBy: 'credits', items: 4, ok: 2, failed: 0 }],
    ['Paused', { onPause: 'fail', options: { maxTotalTokens: 1 } }, { pausedBy: 'budget', items: 4 }],
  ])('%s', async (kind, input, facts) => {
    const world = await open({ simulator: { credits: 2 } });
    const parent = await start(world, 'readsItsFailure', input);
    expect(await parent.result()).toEqual({
      shape: [
        ['ChildWorkflowFailure', null],
        ['ApplicationFailure', kind],
      ],
      failure: {
        kind,
        runId: `${parent.workflowId}/run`,
        failed: 0,
        ok: expect.any(Number),
        message: expect.any(String),
        ...facts,
      },
    });
  });

  it('Terminated', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const world = await open({ held: { includes: 'prompt', until: held } });
    const parent = await start(world, 'readsItsFailure', {});
    const run = world.batches.handle(`${parent.workflowId}/run`);
    await until('the run is there', async () => (await run.describe()) !== undefined);
    await world.client.workflow.getHandle(run.id).terminate('by a test');
    release();
    expect(await parent.result()).toMatchObject({ failure: { kind: 'Terminated', message: expect.any(String) } });
  });
});
