import { expect, it } from 'vitest';
import { batchFailureOf } from '../../src/batch/batch-failure.js';
import { progressUntil, prompts, World } from '../support/batch-world.js';

it('waits for an endpoint that is down at the start, can be steered meanwhile, and goes on when it is back', async () => {
  let isDown = true;
  const world = await World.open({ modelsList: () => (isDown ? 503 : undefined) });
  const run = await world.start(prompts(4), { options: { maxWaitSecs: 600 } });
  const waiting = await progressUntil(run, 'it waits', ({ state }) => state === 'waiting');
  expect(waiting).toMatchObject({
    items: 4,
    reason: expect.stringMatching(/^the models cannot be listed \(503: .*; name one with -m/),
    waiting: { since: expect.any(Number), until: expect.any(Number) },
  });
  expect(await run.set({ concurrency: 2 })).toMatchObject({ state: 'waiting', permits: { total: 2 } });
  isDown = false;
  expect(await run.result()).toMatchObject({ outcome: 'all', ok: 4 });
});

it('goes on without a list when a model is chosen while it waits for one', async () => {
  const world = await World.open({ modelsList: 500 });
  const run = await world.start(prompts(2), { options: { maxWaitSecs: 600 } });
  await progressUntil(run, 'it waits', ({ state }) => state === 'waiting');
  await run.set({ model: 'nanbeige:3b' });
  expect(await run.result()).toMatchObject({ outcome: 'all', ok: 2 });
});

it('fails when it has waited as long as it may, with a failure that a retry may mend', async () => {
  const world = await World.open({ modelsList: 503 });
  const run = await world.start(prompts(2), { options: { maxWaitSecs: 0.5 } });
  const error: unknown = await run.result().catch((caught: unknown) => caught);
  expect(batchFailureOf(error)).toMatchObject({ kind: 'EndpointUnavailable', items: 2, ok: 0, failed: 0 });
  expect(await run.progress()).toMatchObject({ state: 'failed', reason: expect.stringContaining('503') });
  expect((await world.stats()).requests).toBe(0);
});
