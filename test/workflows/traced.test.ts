import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { TRACE_HEADER, traceIdOf } from '../../src/batch/trace.js';
import { BatchClient, type BatchHandle } from '../../src/client.js';
import type { Telemetry } from '../../src/telemetry/open.js';
import { prompts, World } from '../support/batch-world.js';
import { BUNDLE } from '../support/build.js';
import { devServer, suggestContinueAsNewAfter } from '../support/dev-server.js';
import { WorkerProcess } from '../support/worker-process.js';
import { type SentSpan, TestCollector } from '../telemetry/collector.js';

const SLOW = { simulator: { latency: { kind: 'fixed', ms: 100 } } } as const;

let server: TestWorkflowEnvironment;
let collector: TestCollector;
beforeAll(async () => {
  server = await TestWorkflowEnvironment.createLocal(await devServer(...suggestContinueAsNewAfter(40)));
  collector = await TestCollector.open();
});
afterEach(() => {
  vi.unstubAllEnvs();
  collector.reset();
});
afterAll(async () => {
  await collector.close();
  await server.teardown();
});

/** The telemetry as it is shipped, for a worker of the test. */
async function openTelemetry(): Promise<Telemetry> {
  vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`);
  const asked: typeof import('../../src/telemetry/asked.js') = await import(
    /* @vite-ignore */ new URL('../../dist/telemetry/asked.js', import.meta.url).href
  );
  const warnings: string[] = [];
  const options = { warn: (message: string) => void warnings.push(message), lasting: false };
  const telemetry = await asked.telemetryAsked(process.env, options);
  onTestFinished(() => expect(warnings).toEqual([]));
  if (telemetry?.tracing === undefined) throw new Error('no telemetry');
  return telemetry;
}

function startTraced(world: World, { tracing }: Telemetry): Promise<void> {
  return world.startWorker({ tracing: tracing?.activities, traceSinks: tracing?.sinks });
}

/** Ends the worker and waits until its spans are there. */
async function stopTraced(world: World, telemetry: Telemetry): Promise<void> {
  await world.stopWorker();
  await telemetry.close();
}

function named(name: string): SentSpan[] {
  return collector.spans.filter((span) => span.name === name);
}

async function firstRunId(world: World, workflowId: string): Promise<string> {
  const { raw } = await world.client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.firstRunId ?? '';
}

it('makes one span of a run and of each chunk, however often they continue as new', async () => {
  const telemetry = await openTelemetry();
  const world = await World.open({ address: server.address, noWorker: true });
  await startTraced(world, telemetry);
  const run = await world.start(prompts(36), { options: { concurrency: 3, chunkSize: 4 } });
  const { startedAt } = await run.result();
  await stopTraced(world, telemetry);
  const [span, ...more] = named('run');
  expect(more).toEqual([]);
  expect(span?.traceId).toBe(traceIdOf(await firstRunId(world, run.id)));
  // It is of the whole chain, and not of the last of its executions.
  expect(span?.attributes.run_id).not.toBe(await firstRunId(world, run.id));
  expect(Number((span?.startNs ?? 0n) / 1_000_000n)).toBe(startedAt);
  // One that yielded to its parent's new history goes on as a workflow of its own; one whose last task is done again, since
  // orders came while it ended, makes the same span again.
  const parents = new Map(named('chunk').map(({ spanId, parentId }) => [spanId, parentId]));
  expect(parents.size).toBeGreaterThanOrEqual(9);
  expect(new Set(parents.values())).toEqual(new Set([span?.spanId]));
  expect(named('assembleResults')[0]?.parentId).toBe(span?.spanId);
});

it('adds nothing when a run that has ended is looked at by a worker that replays it', async () => {
  const world = await World.open({ noWorker: true });
  const first = await openTelemetry();
  await startTraced(world, first);
  const run = await world.start(prompts(10));
  await run.result();
  await stopTraced(world, first);
  const spans = collector.spans.length;
  expect(named('run')).toHaveLength(1);
  const second = await openTelemetry();
  await startTraced(world, second);
  expect(await run.progress()).toMatchObject({ state: 'completed', ok: 10 });
  await stopTraced(world, second);
  expect(collector.spans).toHaveLength(spans);
});

it('a worker without spans goes on with the run of one that makes some', async () => {
  const telemetry = await openTelemetry();
  const world = await World.open({ ...SLOW, noWorker: true });
  await startTraced(world, telemetry);
  const run = await world.start(prompts(60), { options: { concurrency: 3, chunkSize: 20 } });
  await world.answered(25);
  await stopTraced(world, telemetry);
  expect(named('pack').length).toBeGreaterThan(0);
  expect(named('run')).toEqual([]);
  await world.startWorker();
  expect(await run.result()).toMatchObject({ ok: 60, failed: 0 });
  // And what it wrote can be replayed by any.
  for (const id of [run.id, `${run.id}/chunk-0`, `${run.id}/chunk-2`]) {
    const history = await world.client.workflow.getHandle(id).fetchHistory();
    await Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, history, id);
  }
});

it('a worker that makes spans goes on with the run of one that makes none', async () => {
  const world = await World.open({ ...SLOW, noWorker: true });
  await world.startWorker();
  const run = await world.start(prompts(60), { options: { concurrency: 3, chunkSize: 20 } });
  await world.answered(25);
  await world.stopWorker();
  const telemetry = await openTelemetry();
  await startTraced(world, telemetry);
  expect(await run.result()).toMatchObject({ ok: 60, failed: 0 });
  await stopTraced(world, telemetry);
  expect(named('run')).toHaveLength(1);
  expect(named('run')[0]?.attributes).toMatchObject({ 'dria.ok': 60, 'dria.outcome': 'ok' });
  // Chunks that the first worker started know nothing of the run's trace: theirs are their own.
  expect(named('chunk').length).toBeGreaterThan(0);
});

it('both serve one run at once', async () => {
  const telemetry = await openTelemetry();
  const world = await World.open({ ...SLOW, noWorker: true });
  await startTraced(world, telemetry);
  await WorkerProcess.start(world);
  const run = await world.start(prompts(90), { options: { concurrency: 4, chunkSize: 15, pack: 3 } });
  expect(await run.result()).toMatchObject({ ok: 90, failed: 0 });
  await stopTraced(world, telemetry);
  expect(named('run').length).toBeLessThanOrEqual(1);
  expect(named('chunk').length).toBeLessThanOrEqual(6);
});

/** Starts a run as somebody who is within a trace. */
async function startWithin(world: World, traceparent: string): Promise<BatchHandle> {
  const header = { [TRACE_HEADER]: defaultPayloadConverter.toPayload({ traceparent }) };
  const traced = new Client({
    connection: world.client.connection,
    interceptors: {
      workflow: [{ start: (input, next) => next({ ...input, headers: { ...input.headers, ...header } }) }],
    },
  });
  const { taskQueue } = world;
  return await new BatchClient(traced).start({
    id: `within-${taskQueue}`,
    taskQueue,
    input: { input: world.input(prompts(5)) },
  });
}

it('is below the trace that a run was started in', async () => {
  const telemetry = await openTelemetry();
  const world = await World.open({ noWorker: true });
  await startTraced(world, telemetry);
  const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
  const started = await startWithin(world, traceparent);
  await started.result();
  await stopTraced(world, telemetry);
  expect(named('run')).toMatchObject([{ traceId: 'c'.repeat(32), parentId: 'd'.repeat(16) }]);
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set(['c'.repeat(32)]));
});

it('makes no spans below a trace that is not sampled', async () => {
  const telemetry = await openTelemetry();
  const world = await World.open({ noWorker: true });
  await startTraced(world, telemetry);
  await (await startWithin(world, `00-${'c'.repeat(32)}-${'d'.repeat(16)}-00`)).result();
  await stopTraced(world, telemetry);
  expect(collector.spans).toEqual([]);
});
