import { expect, it } from 'vitest';
import type { RunChange } from '../../src/batch/change.js';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { until } from '../support/until.js';

const SLOW = { latency: { kind: 'fixed', ms: 200 } } as const;

const once = (count: number) => Array(count).fill(1);

it.each([
  ['of 20 items', { options: { concurrency: 12, chunkSize: 60, pack: 20 } }],
  ['as long as suits', { options: { concurrency: 12, chunkSize: 60 } }],
])(
  'lowers the permits of a run with packs %s: loses no answer, and gives out no more than the new bound',
  async (_, how) => {
    const world = await World.open({ simulator: SLOW });
    const run = await world.start(prompts(200), how);
    await world.answered(15);
    expect(await run.set({ concurrency: 2 })).toMatchObject({ permits: { total: 2 } });
    await progressUntil(run, 'the permits are back', ({ permits }) => permits.used <= 2);
    await until('the requests over the bound have ended', async () => (await world.stats()).inFlight <= 2);
    const from = Date.now();
    await world.answered((await world.stats()).answered + 8);
    expect(await mostAtOnce(world, from)).toBeLessThanOrEqual(2);
    await run.set({ concurrency: 30 });
    expect(await run.result()).toMatchObject({ ok: 200, requests: 200 });
    expect([...askedTimes(await world.requests()).values()]).toEqual(once(200));
    expect((await world.stats()).maxInFlight).toBeGreaterThan(12);
  },
);

it('raises the lanes of a run with a single one, and lowers them to one', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(60), { options: { concurrency: 1, chunkSize: 20 } });
  await world.answered(2);
  await run.set({ concurrency: 8 });
  await world.answered(20);
  expect((await world.stats()).maxInFlight).toBe(8);
  await run.set({ concurrency: 1 });
  expect(await run.result()).toMatchObject({ ok: 60, requests: 60 });
});

it('asks another model, with other tokens, from the next request on', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(80), { options: { concurrency: 4, pack: 20, model: 'nanbeige:3b' } });
  await world.answered(6);
  await run.set({ model: 'lfm2.5:1.2b', maxTokens: 77 });
  const changedAt = Date.now();
  expect(await run.result()).toMatchObject({ ok: 80, requests: 80 });
  const requests = await world.requests();
  expect([...askedTimes(requests).values()]).toEqual(once(80));
  const of = (model: string) => requests.filter((request) => request.model === model);
  expect(of('lfm2.5:1.2b').length).toBeGreaterThan(40);
  // A lane hears of it with its next heartbeat at the latest: within the heartbeat time-out of these tests, 3 s.
  const late = of('nanbeige:3b').filter(({ at }) => at > changedAt + 3000);
  expect(late).toEqual([]);
  const { models } = await run.progress();
  expect(models.map(({ id, sent, ok }) => [id, sent === ok])).toEqual([
    ['lfm2.5:1.2b', true],
    ['nanbeige:3b', true],
  ]);
});

it('goes back from a chosen model to all of them', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(60), { options: { concurrency: 4, model: 'nanbeige:3b' } });
  await world.answered(3);
  await run.set({ model: null });
  expect(await run.result()).toMatchObject({ ok: 60 });
  expect(new Set((await world.requests()).map(({ model }) => model)).size).toBeGreaterThan(3);
});

it('gives items that wait for their model to another one at once', async () => {
  const rules = [{ match: { model: 'nanbeige:3b' }, respond: { status: 503 } }];
  const world = await World.open({ simulator: { rules } });
  const run = await world.start(prompts(6), { options: { model: 'nanbeige:3b', retries: 20 } });
  await progressUntil(run, 'the run waits', ({ state }) => state === 'waiting');
  await run.set({ model: 'lfm2.5:1.2b' });
  expect(await run.result()).toMatchObject({ ok: 6 });
});

it.each<[RunChange, string]>([
  [{ concurrency: 0 }, 'concurrency: expected a whole number, from 1 to 2000'],
  // What comes from outside need not be what the types say.
  [{ ...{ schema: {} }, retries: 1 }, 'schema: cannot be changed'],
])('refuses %j, and changes nothing', async (change, problem) => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(8), { options: { concurrency: 1 } });
  await world.answered(1);
  const refusal = await run.set(change).catch((error: unknown) => error);
  expect(String(refusal instanceof Error ? refusal.cause : refusal)).toContain(problem);
  expect(await run.progress()).toMatchObject({ permits: { total: 1 } });
  await run.result();
  const late = await run.set({ concurrency: 5 }).catch((error: unknown) => error);
  expect(late).toBeInstanceOf(Error);
});

/** The most requests that were under way at once among those that came after `from`, epoch ms. */
async function mostAtOnce(world: World, from: number): Promise<number> {
  const marks = (await world.requests()).flatMap(({ at, latencyMs = 0 }) => [
    { at, change: 1 },
    { at: at + latencyMs, change: -1 },
  ]);
  marks.sort((a, b) => a.at - b.at || a.change - b.change);
  let now = 0;
  let most = 0;
  for (const { at, change } of marks) {
    now += change;
    if (at >= from) most = Math.max(most, now);
  }
  return most;
}
