import { expect, it } from 'vitest';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { until } from '../support/until.js';

const once = (count: number) => Array(count).fill(1);

it('asks so many items first, spread over the input, and then waits until it is resumed', async () => {
  const world = await World.open();
  const run = await world.start(prompts(60), { options: { concurrency: 4, chunkSize: 20, canary: 6 } });
  const review = await progressUntil(run, 'the canary has ended', ({ state }) => state === 'paused');
  expect(review).toMatchObject({
    pausedBy: 'canary',
    canary: { items: '5,15,25,35,45,55', phase: 'review' },
    ok: 6,
    requests: 6,
  });
  await until('nothing is under way', async () => (await world.stats()).inFlight === 0);
  const asked = (await world.requests()).map(({ prompt }) => Number(prompt?.split(' ').at(-1)));
  expect(asked.sort((a, b) => a - b)).toEqual([5, 15, 25, 35, 45, 55]);
  await run.resume();
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ items: 60, ok: 60, failed: 0, requests: 60 });
  expect(world.output(results)).toHaveLength(60);
  expect([...askedTimes(await world.requests()).values()]).toEqual(once(60));
});

it('keeps the error of an item that failed in the canary, and asks it no more', async () => {
  const rules = [{ match: { promptIncludes: 'prompt 5', toRequest: 4 }, respond: { status: 400 } }];
  const world = await World.open({ simulator: { rules } });
  const run = await world.start(prompts(10), { options: { concurrency: 1, canary: 1 } });
  const review = await progressUntil(run, 'the canary has ended', ({ pausedBy }) => pausedBy === 'canary');
  expect(review).toMatchObject({ ok: 0, failed: 1 });
  await world.steer('DELETE', 'rules');
  await run.resume();
  expect(await run.result()).toMatchObject({ ok: 9, failed: 1, requests: 10 });
});

it('has no canary when it goes on after an earlier execution', async () => {
  const world = await World.open({ simulator: { latency: { kind: 'fixed', ms: 100 } } });
  const input = world.input(prompts(20));
  const options = { concurrency: 2, chunkSize: 10, canary: 3 };
  const run = await world.start(input, { options });
  await progressUntil(run, 'the canary has ended', ({ pausedBy }) => pausedBy === 'canary');
  await run.cancel();
  await run.result().catch(() => undefined);
  const again = await world.start(input, { id: run.id, options });
  expect(await again.result()).toMatchObject({ ok: 20, requests: 20 });
  expect([...askedTimes(await world.requests()).values()]).toEqual(once(20));
});
