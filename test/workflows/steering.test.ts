import { WithStartWorkflowOperation } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { RunChange } from '../../src/batch/change.js';
import type { Progress } from '../../src/batch/progress.js';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { BUNDLE } from '../support/build.js';
import { causeOf, typeOf } from '../support/failures.js';
import { until } from '../support/until.js';

const SLOW = { latency: { kind: 'fixed', ms: 200 } } as const;

const once = (count: number) => Array(count).fill(1);

it('tells how far it is, from the start to after the end', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(24), { options: { concurrency: 4, chunkSize: 12 } });
  const half = await progressUntil(run, 'some are done', ({ ok }) => ok > 0);
  expect(half).toMatchObject({ state: 'running', items: 24, permits: { total: 4 }, chunks: { total: 2, done: 0 } });
  expect(half.permits.used).toBeLessThanOrEqual(4);
  await run.result();
  const end = await run.progress();
  expect(end).toMatchObject({ state: 'completed', ok: 24, failed: 0, requests: 24, permits: { used: 0 } });
  expect(end.models.reduce((sum, { ok }) => sum + ok, 0)).toBe(24);
});

it('shows the progress in the Web UI', async () => {
  const world = await World.open();
  const run = await world.start(prompts(3));
  await run.result();
  const handle = world.client.workflow.getHandle(run.id);
  const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  expect(metadata.currentDetails).toContain('**completed** · 3 of 3 items (100 %) · 3 ok · 0 failed');
});

it('gives out nothing while it is paused, and loses nothing by it', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(30), { options: { concurrency: 3, pack: 1 } });
  await world.answered(5);
  expect(await run.pause()).toMatchObject({
    state: 'paused',
    reason: expect.stringContaining('paused by an operator'),
    pausedBy: 'operator',
  });
  await until('the requests in flight have ended', async () => (await world.stats()).inFlight === 0);
  // What was scheduled before the pause was heard may come a moment later: it is looked at from when it is quiet.
  const quiet = await quietSince(world, 600);
  const resumedAt = Date.now();
  expect(await run.resume()).toMatchObject({ state: 'running' });
  expect(await run.result()).toMatchObject({ ok: 30, requests: 30 });
  const between = (await world.requests()).filter(({ at }) => at > quiet && at < resumedAt);
  expect(between).toEqual([]);
});

it('takes back the packs under way when it is paused, with their answers', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(90), { options: { concurrency: 3, pack: 30 } });
  await world.answered(5);
  await run.pause();
  await quietSince(world, 600);
  const { answered } = await world.stats();
  // Three packs hold all items: had they gone on, there would be nothing left to resume.
  expect(answered).toBeLessThan(90);
  await progressUntil(run, 'its answers are counted', ({ ok }) => ok === answered);
  await run.resume();
  expect(await run.result()).toMatchObject({ ok: 90, requests: 90 });
  expect([...askedTimes(await world.requests()).values()]).toEqual(once(90));
});

it('tells while it is paused what its last packs have done, however little', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(90), { options: { concurrency: 1, pack: 30, chunkSize: 90 } });
  await world.answered(1);
  await run.pause();
  // Of the run itself: the client would count the pack by its heartbeats.
  const told = () => world.client.workflow.getHandle(run.id).query<Progress>('progress');
  await until('it is told', async () => (await told()).ok > 0);
  expect(await told()).toMatchObject({ state: 'paused', ok: (await world.stats()).answered, permits: { used: 0 } });
  await run.cancel();
});

it('is heard by packs on the same worker though no heartbeat is due', async () => {
  const world = await World.open({ noWorker: true, simulator: { latency: { kind: 'fixed', ms: 100 } } });
  await world.startWorker({ shared: true });
  const run = await world.start(prompts(300), {
    heartbeatTimeoutMs: 3_600_000,
    options: { concurrency: 3, pack: 100, chunkSize: 300 },
  });
  // The first heartbeats have gone by then, and the SDK holds back the next ones for a minute.
  await world.answered(120);
  await run.pause();
  await quietSince(world, 600);
  expect((await world.stats()).answered).toBeLessThan(200);
  await run.resume();
  await world.answered(250);
  await run.cancel();
  await expect(run.result()).rejects.toThrow();
  expect((await world.stats()).answered).toBeLessThan(300);
});

/** Watches until no request has come for `ms`; returns when the last one came. Fails when they go on and on. */
async function quietSince(world: World, ms: number): Promise<number> {
  let last = 0;
  await until(
    'no more requests come',
    async () => {
      last = (await world.requests()).at(-1)?.at ?? 0;
      return Date.now() - last > ms;
    },
    5_000,
  );
  return last;
}

it('takes orders while it still reads its input, and follows them in their order as soon as it has', async () => {
  const world = await World.open({ noWorker: true });
  // A worker without activities: the input stays unread as long as it is the only one.
  const reader = await Worker.create({
    connection: world.native,
    taskQueue: world.taskQueue,
    workflowBundle: { codePath: BUNDLE },
  });
  world.run(reader);
  const startWorkflowOperation = new WithStartWorkflowOperation('batchWorkflow', {
    workflowId: `run-${world.taskQueue}`,
    taskQueue: world.taskQueue,
    args: [{ input: world.input(prompts(3)), heartbeatTimeoutMs: 3000 }],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  const { workflow } = world.client;
  const paused = await workflow.startUpdateWithStart('pause', { waitForStage: 'ACCEPTED', startWorkflowOperation });
  const run = world.batches.handle(paused.workflowId);
  const handle = workflow.getHandle(run.id);
  const args: [RunChange] = [{ concurrency: 7, maxTokens: 33 }];
  const set = await handle.startUpdate<Progress, [RunChange]>('set', { waitForStage: 'ACCEPTED', args });
  const refusal = await handle.executeUpdate('set', { args: [{ concurrency: 0 }] }).catch((error: unknown) => error);
  expect(String(refusal instanceof Error ? refusal.cause : refusal)).toContain('concurrency');
  expect(await run.progress()).toMatchObject({ state: 'starting', items: 0 });
  await world.stopWorker();
  await world.startWorker();
  expect(await paused.result()).toMatchObject({ state: 'paused', items: 3 });
  expect(await set.result()).toMatchObject({ state: 'paused', permits: { total: 7 } });
  expect((await world.stats()).requests).toBe(0);
  await run.resume();
  expect(await run.result()).toMatchObject({ ok: 3 });
  expect((await world.requests()).map(({ maxTokens }) => maxTokens)).toEqual([33, 33, 33]);
});

it('pauses when credits are out, and asks nothing twice when it goes on', async () => {
  const world = await World.open({ simulator: { credits: 7, latency: { kind: 'fixed', ms: 20 } } });
  const run = await world.start(prompts(25), { options: { concurrency: 4, chunkSize: 10 } });
  const paused = await progressUntil(run, 'the run pauses', ({ state }) => state === 'paused');
  expect(paused.reason).toBe(
    `402: payment required: out of credits; add credits, then: dria-temporal resume ${run.id}`,
  );
  await until('the requests in flight have ended', async () => (await world.stats()).inFlight === 0);
  await world.steer('POST', 'credits', { add: 100 });
  await run.resume();
  expect(await run.result()).toMatchObject({ ok: 25, failed: 0 });
  expect([...askedTimes(await world.requests(), true).values()]).toEqual(once(25));
});

it('goes on when it is told to, though a request from before then is refused for want of credits only now', async () => {
  const rules = [
    { match: { promptIncludes: 'prompt 0', times: 1 }, respond: { status: 402 } },
    { match: { promptIncludes: 'prompt 1', times: 1 }, respond: { status: 402, delayMs: 2_500 } },
  ];
  const world = await World.open({ simulator: { rules } });
  const run = await world.start(prompts(6), { options: { concurrency: 2, chunkSize: 1 } });
  await progressUntil(run, 'the run pauses', ({ state }) => state === 'paused');
  expect((await world.stats()).inFlight).toBe(1);
  await run.resume();
  const end = await progressUntil(run, 'the run ends', ({ state }) => state !== 'running');
  expect(end).toMatchObject({ state: expect.stringMatching(/finishing|completed/), ok: 6 });
});

it('stops at once when the key is refused, keeps the answers, and asks only the rest with a good key', async () => {
  const world = await World.open({
    simulator: {
      rules: [{ match: { fromRequest: 11 }, respond: { status: 401 } }],
      latency: { kind: 'fixed', ms: 20 },
    },
  });
  const input = world.input(prompts(40));
  const options = { concurrency: 4, chunkSize: 10 };
  const run = await world.start(input, { options });
  const failure = await causeOf(run.result());
  expect(typeOf(failure)).toBe('Unauthorized');
  expect(failure.message).toBe('401: invalid API key');
  expect(await run.progress()).toMatchObject({ state: 'failed', reason: '401: invalid API key' });
  expect((await world.stats()).requests).toBeLessThanOrEqual(11 + 4);
  await world.steer('DELETE', 'rules');
  await world.stopWorker();
  await world.startWorker();
  const again = await world.start(input, { id: run.id, options });
  const { results } = await again.result();
  expect(world.output(results).map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  expect([...askedTimes(await world.requests(), true).values()]).toEqual(once(40));
});

it('keeps what is done when it is cancelled, and asks only the rest when it is started again', async () => {
  const world = await World.open({ simulator: SLOW });
  const input = world.input(prompts(40));
  const options = { concurrency: 4, chunkSize: 10 };
  const run = await world.start(input, { options });
  await world.answered(12);
  await run.cancel();
  expect(typeOf(await causeOf(run.result()))).toBe('CancelledFailure');
  expect(await run.progress()).toMatchObject({ state: 'cancelled' });
  const before = (await world.stats()).answered;
  expect(before).toBeLessThan(40);
  const again = await world.start(input, { id: run.id, options });
  expect(await again.result()).toMatchObject({ items: 40, ok: 40, failed: 0 });
  expect([...askedTimes(await world.requests()).values()]).toEqual(once(40));
});

it('asks nothing at all when the earlier execution had finished', async () => {
  const world = await World.open();
  const input = world.input(prompts(12));
  const run = await world.start(input, { options: { chunkSize: 5 } });
  const first = await run.result();
  const lines = world.output(first.results);
  const again = await world.start(input, { id: run.id, options: { chunkSize: 5 } });
  expect(await again.result()).toMatchObject({ ok: 12, tokens: first.tokens });
  expect(world.output(first.results)).toEqual(lines);
  expect((await world.stats()).requests).toBe(12);
});
