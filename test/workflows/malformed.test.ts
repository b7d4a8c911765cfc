import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { report } from '../batch/run-of-state.js';
import { prompts, World } from '../support/batch-world.js';
import { until } from '../support/until.js';

const stop = { type: 'Unauthorized', message: 'forged', askedAt: 0 } as const;

const MESSAGES: readonly unknown[] = [
  undefined,
  null,
  7,
  'text',
  [],
  {},
  { chunk: 0 },
  // Of a chunk that does not run, or with what no chunk can say.
  report(9, { stop }),
  { ...report(0), returned: 1e15, stop },
  { ...report(0), counts: { ...report(0).counts, tokens: 1e308 }, stop },
];

/** Payloads that no converter of this SDK can read. */
const GARBAGE = [
  { metadata: {}, data: Buffer.from('no encoding') },
  { metadata: { encoding: Buffer.from('binary/nobody') }, data: Buffer.from('1') },
  { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"cut') },
  { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from([0xff, 0xfe]) },
  { metadata: { encoding: Buffer.from('json/protobuf') }, data: Buffer.from('{}') },
  {},
];

/** Sends payloads to a workflow as they are, by a signal. */
async function signalRaw(world: World, workflowId: string, signalName: string, payload: object): Promise<void> {
  await world.client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    signalName,
    input: { payloads: [payload] },
  });
}

it('goes on after signals whose payloads nobody can decode', async () => {
  const world = await World.open({ simulator: { latency: { kind: 'fixed', ms: 50 } } });
  const run = await world.start(prompts(12), { options: { concurrency: 2, chunkSize: 12, pack: 2 } });
  await world.answered(2);
  await run.pause();
  for (const payload of GARBAGE) {
    await signalRaw(world, run.id, 'chunkReport', payload);
    await signalRaw(world, run.id, 'set', payload);
    await signalRaw(world, run.id, 'notThere', payload);
    await signalRaw(world, `${run.id}/chunk-0`, 'chunkOrders', payload);
  }
  expect((await run.resume()).notes?.join()).toContain('the signal set was refused');
  expect(await run.result()).toMatchObject({ ok: 12, failed: 0, requests: 12 });
});

/** The orders that a chunk was started with. */
async function firstOrders(world: World, workflowId: string): Promise<object> {
  const { events } = await world.client.workflow.getHandle(workflowId).fetchHistory();
  const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const { orders }: { orders: object } = JSON.parse(Buffer.from(payload?.data ?? []).toString('utf8'));
  return orders;
}

it('that hold up a run whose bundle was made without the interceptor end no worker', async () => {
  const world = await World.open({ noWorker: true, simulator: { latency: { kind: 'fixed', ms: 100 } } });
  const workflowsPath = fileURLToPath(new URL('../../dist/workflows/index.js', import.meta.url));
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  const { native: connection, taskQueue, root: storage, baseUrl } = world;
  const plugins = [new DriaBatchPlugin({ baseUrl, storage, apiKey: 'test-key' })];
  const options = { connection, taskQueue, workflowBundle, plugins, shutdownGraceTime: 100 };
  world.run(await Worker.create(options));
  const run = await world.start(prompts(200), { options: { concurrency: 2 } });
  await world.answered(2);
  const chunk = `${run.id}/chunk-0`;
  const orders = await firstOrders(world, chunk);
  await world.stopWorker();
  // In one task: packs are taken back, and the task fails before what awaits that has run.
  await world.client.workflow.getHandle(chunk).signal('chunkOrders', { ...orders, granted: 2, paused: true });
  await signalRaw(world, chunk, 'chunkOrders', {});
  world.run(await Worker.create(options));
  await until('the task has failed', async () => {
    const { events } = await world.client.workflow.getHandle(chunk).fetchHistory();
    return events?.some(({ workflowTaskFailedEventAttributes: failed }) => failed) === true;
  });
  const other = await world.start(prompts(3));
  expect(await other.result()).toMatchObject({ ok: 3 });
  await world.client.workflow.getHandle(run.id).terminate('by a test');
  const again = await world.start(world.input(prompts(200), `${run.id}.jsonl`), { id: run.id });
  expect(await again.result()).toMatchObject({ ok: 200 });
});

it('ignores signals that are none of its own, refuses such updates, and ends as it would without them', async () => {
  const world = await World.open({ simulator: { latency: { kind: 'fixed', ms: 50 } } });
  const run = await world.start(prompts(12), { options: { concurrency: 2, chunkSize: 12, pack: 2 } });
  await world.answered(2);
  // Paused, it cannot end before it has received them all.
  await run.pause();
  const { workflow } = world.client;
  for (const message of MESSAGES) {
    await workflow.getHandle(run.id).signal('chunkReport', message);
    await workflow.getHandle(`${run.id}/chunk-0`).signal('chunkOrders', message);
  }
  for (const change of [null, 7, [], {}, { concurrency: 1e308 }, { other: 1 }]) {
    await expect(run.set(change as never)).rejects.toMatchObject({ cause: { type: 'InvalidChange' } });
  }
  expect(await run.resume()).toMatchObject({ state: 'running' });
  expect(await run.result()).toMatchObject({ ok: 12, failed: 0, requests: 12 });
});
