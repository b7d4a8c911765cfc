import { Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { askedTimes, prompts, World } from '../support/batch-world.js';
import { BUNDLE } from '../support/build.js';
import { causeOf, typeOf } from '../support/failures.js';
import { until } from '../support/until.js';

const SLOW = { latency: { kind: 'fixed', ms: 300 } } as const;

it('fails, and does not hang, when an operator terminates one of its chunks', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(40), { options: { concurrency: 4, chunkSize: 10 } });
  await world.answered(2);
  await world.client.workflow.getHandle(`${run.id}/chunk-0`).terminate('by hand');
  expect(typeOf(await causeOf(run.result()))).toBe('ChunkEnded');
  expect(await run.progress()).toMatchObject({ state: 'failed' });
});

it('fails when an operator cancels one of its chunks', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(40), { options: { concurrency: 4, chunkSize: 10 } });
  await world.answered(2);
  await world.client.workflow.getHandle(`${run.id}/chunk-0`).cancel();
  expect(typeOf(await causeOf(run.result()))).toBe('ChunkEnded');
  expect((await run.describe())?.status.name).toBe('FAILED');
  expect(await run.progress()).toMatchObject({ state: 'failed' });
});

it('sends nothing more within a heartbeat once it was terminated', async () => {
  const world = await World.open({ noWorker: true, simulator: SLOW });
  const worker = await Worker.create({
    connection: world.native,
    taskQueue: world.taskQueue,
    workflowBundle: { codePath: BUNDLE },
    plugins: [new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage: world.root })],
  });
  world.run(worker);
  const run = await world.start(prompts(4_000), { options: { concurrency: 4 } });
  await world.answered(12);
  await world.client.workflow.getHandle(run.id).terminate('by hand');
  await until('no activity runs', () => worker.getStatus().numInFlightActivities === 0);
  expect((await world.requests()).length).toBeLessThan(2_000);
});

it('goes on at once after it was terminated, with what had been written', async () => {
  const world = await World.open({ simulator: SLOW });
  const input = world.input(prompts(30));
  const options = { concurrency: 6, chunkSize: 5 };
  const run = await world.start(input, { options });
  await world.answered(12);
  await world.client.workflow.getHandle(run.id).terminate('by hand');
  expect(await run.progress()).toMatchObject({ state: 'cancelled', reason: 'it was terminated', permits: { used: 0 } });
  const again = await world.start(input, { id: run.id, options });
  expect(await again.result()).toMatchObject({ items: 30, ok: 30 });
});

it('stays paused when the pause came while a chunk looked for what an earlier run had left', async () => {
  const world = await World.open({ noWorker: true });
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let looking = false;
  world.run(
    await Worker.create({
      connection: world.native,
      taskQueue: world.taskQueue,
      workflowBundle: { codePath: BUNDLE },
      plugins: [new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage: world.root })],
      interceptors: {
        activity: [
          ({ info }) => ({
            inbound: {
              async execute(input, next) {
                if (info.activityType === 'dria.recoverChunk') {
                  looking = true;
                  await held;
                }
                return await next(input);
              },
            },
          }),
        ],
      },
    }),
  );
  const run = await world.start(prompts(4));
  await until('the chunk looks in storage', () => looking);
  await run.pause();
  const chunk = world.client.workflow.getHandle(`${run.id}/chunk-0`);
  await until('the chunk has heard of it', async () => signals(await chunk.fetchHistory()) > 0);
  release();
  await until('the chunk has looked and gone on', async () => hasGoneOn(await chunk.fetchHistory()));
  expect(scheduled(await chunk.fetchHistory())).toEqual(['dria.recoverChunk']);
  await run.resume();
  expect(await run.result()).toMatchObject({ ok: 4 });
  expect([...askedTimes(await world.requests()).values()]).toEqual([1, 1, 1, 1]);
});

type History = Awaited<ReturnType<ReturnType<World['client']['workflow']['getHandle']>['fetchHistory']>>;

function signals({ events }: History): number {
  return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length;
}

/** True when a workflow task has ended after the first activity. */
function hasGoneOn({ events }: History): boolean {
  const looked = (events ?? []).findIndex((event) => event.activityTaskCompletedEventAttributes);
  return looked >= 0 && (events ?? []).slice(looked).some((event) => event.workflowTaskCompletedEventAttributes);
}

function scheduled({ events }: History): (string | null | undefined)[] {
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: activity }) =>
    activity ? [activity.activityType?.name] : [],
  );
}
