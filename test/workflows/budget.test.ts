import { expect, it } from 'vitest';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { causeOf, typeOf } from '../support/failures.js';
import { until } from '../support/until.js';

const SLOW = { latency: { kind: 'fixed', ms: 50 }, answerTokens: 40 } as const;

const once = (count: number) => Array(count).fill(1);

/** Waits until a run has paused for its limit and nothing is under way. */
async function pausedAtLimit(world: World, run: Awaited<ReturnType<World['start']>>) {
  const paused = await progressUntil(run, 'the run pauses', ({ state }) => state === 'paused');
  expect(paused.pausedBy).toBe('budget');
  await until('nothing is under way', async () => (await world.stats()).inFlight === 0);
  return paused;
}

it.each([1, 24])(
  'pauses at its limit of tokens with %i permits, over it by no more than the requests in flight',
  async (permits) => {
    const world = await World.open({ simulator: SLOW });
    const run = await world.start(prompts(120), {
      options: { concurrency: permits, chunkSize: 40, maxTotalTokens: 1500 },
    });
    const { spending, reason, ok } = await pausedAtLimit(world, run);
    const each = spending.tokens / ok;
    expect(spending.tokens).toBeGreaterThanOrEqual(1500);
    expect(spending.tokens).toBeLessThanOrEqual(1500 + permits * each * 1.2);
    expect((await world.stats()).answered).toBe(ok);
    expect(reason).toBe(
      `${spending.tokens} of 1500 tokens are spent; to go on: dria-temporal set ${run.id} --max-total-tokens <more>`,
    );
  },
);

it('goes on when the limit is raised, pauses at the new one, and ends when there is none', async () => {
  const world = await World.open({ simulator: SLOW });
  const run = await world.start(prompts(60), { options: { concurrency: 3, chunkSize: 20, maxTotalTokens: 500 } });
  const first = await pausedAtLimit(world, run);
  await run.resume();
  expect((await pausedAtLimit(world, run)).ok).toBe(first.ok);
  await run.set({ maxTotalTokens: 1200 });
  const second = await progressUntil(run, 'it pauses again', ({ state, ok }) => state === 'paused' && ok > first.ok);
  expect(second.spending.tokens).toBeGreaterThanOrEqual(1200);
  await run.set({ maxTotalTokens: null });
  expect(await run.result()).toMatchObject({ ok: 60, failed: 0, requests: 60 });
  expect([...askedTimes(await world.requests()).values()]).toEqual(once(60));
});

it('takes a limit that is set while it runs, and keeps it', async () => {
  const world = await World.open({ simulator: { ...SLOW, latency: { kind: 'fixed', ms: 150 } } });
  const run = await world.start(prompts(100), { options: { concurrency: 4, chunkSize: 50, pack: 25 } });
  await world.answered(8);
  const { spending, ok } = await run.set({ maxTotalTokens: 1200 });
  expect(spending.maxTotalTokens).toBe(1200);
  const paused = await pausedAtLimit(world, run);
  const each = paused.spending.tokens / paused.ok;
  expect(paused.ok).toBeGreaterThanOrEqual(ok);
  expect(paused.spending.tokens).toBeLessThanOrEqual(1200 + 4 * each * 1.2);
  await run.cancel();
  expect(typeOf(await causeOf(run.result()))).toBe('CancelledFailure');
});

it('takes a limit that is set while it is paused, and keeps it from the first request on', async () => {
  const world = await World.open({ simulator: { ...SLOW, latency: { kind: 'fixed', ms: 150 } } });
  const run = await world.start(prompts(200), { options: { concurrency: 4, chunkSize: 100, pack: 25 } });
  await world.answered(8);
  await run.pause();
  await run.set({ maxTotalTokens: 1200 });
  await until('nothing is under way', async () => (await world.stats()).inFlight === 0);
  await progressUntil(run, 'the chunk has told what its last packs did', ({ ok }) => ok >= 8);
  await run.resume();
  const paused = await pausedAtLimit(world, run);
  const each = paused.spending.tokens / paused.ok;
  expect(paused.spending.tokens).toBeLessThanOrEqual(1200 + 4 * each * 1.2);
  await run.cancel();
  expect(typeOf(await causeOf(run.result()))).toBe('CancelledFailure');
});

it('counts what answers of no use have cost', async () => {
  const schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] };
  const world = await World.open({ simulator: { breakSchemaEvery: 1, answerTokens: 40 } });
  const run = await world.start(prompts(30), {
    options: { concurrency: 2, retries: 1, schema, maxTotalTokens: 60 },
  });
  const { spending, tokens } = await pausedAtLimit(world, run);
  expect(tokens).toBe(0);
  expect(spending.tokens).toBeGreaterThanOrEqual(60);
  await run.cancel();
  await run.result().catch(() => undefined);
});

it('pauses at its limit of credits by the balance, and goes on when it is raised', async () => {
  const world = await World.open({ simulator: { ...SLOW, credits: 1000 } });
  const run = await world.start(prompts(90), { options: { concurrency: 3, chunkSize: 30, maxCredits: 20 } });
  const paused = await pausedAtLimit(world, run);
  // A credit an answer.
  expect(paused.spending.credits).toBeGreaterThanOrEqual(20);
  expect(paused.spending.credits).toBeLessThanOrEqual(20 + 3);
  expect((await world.stats()).answered).toBe(paused.spending.credits);
  await run.set({ maxCredits: 500 });
  const summary = await run.result();
  expect(summary).toMatchObject({ ok: 90, requests: 90, credits: { spent: 90, wasted: 0 } });
});

it('refuses a limit of credits at an endpoint without a balance, before anything is spent', async () => {
  const world = await World.open({ noBalance: true });
  const run = await world.start(prompts(3), { options: { maxCredits: 20 } });
  const failure = await causeOf(run.result());
  expect(typeOf(failure)).toBe('InvalidInput');
  expect(String(failure)).toContain('the endpoint has no balance to read');
  expect((await world.stats()).requests).toBe(0);
});
