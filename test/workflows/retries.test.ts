import { expect, it } from 'vitest';
import { askedTimes, prompts, World } from '../support/batch-world.js';

it('asks an item again after a 500 and says with --detail how many attempts it took', async () => {
  const world = await World.open({
    simulator: { rules: [{ match: { promptIncludes: 'prompt 3', toRequest: 2 }, respond: { status: 500 } }] },
  });
  const run = await world.start(prompts(6), { options: { detail: true, retries: 2 } });
  const { results } = await run.result();
  expect(world.output(results).map(({ attempts }) => attempts)).toEqual([1, 1, 1, 3, 1, 1]);
});

it('asks 1 + retries times and no more, then gives the error', async () => {
  const world = await World.open({
    simulator: { rules: [{ match: { promptIncludes: 'prompt 3' }, respond: { status: 500, message: 'broken' } }] },
  });
  const run = await world.start(prompts(40), { options: { retries: 2, concurrency: 4, detail: true } });
  const { results, ...summary } = await run.result();
  // prompt 3 and prompt 30 to 39
  expect(summary).toMatchObject({ ok: 29, failed: 11, failedByKind: { 500: 11 }, requests: 29 + 11 * 3 });
  const asked = askedTimes(await world.requests());
  expect([...asked].filter(([prompt]) => prompt.includes('prompt 3')).map(([, times]) => times)).toEqual(
    Array(11).fill(3),
  );
  expect(world.output(results)[30]).toMatchObject({ id: 31, error: '500: broken', attempts: 3 });
});

it('counts attempts on when an item goes to another model', async () => {
  const models = [
    { id: 'nanbeige:3b', nodes: 2 },
    { id: 'lfm2.5:1.2b', nodes: 1 },
  ];
  const rules = [
    { match: { model: 'nanbeige:3b', toRequest: 2 }, respond: { status: 500 } },
    { match: { model: 'nanbeige:3b' }, respond: { status: 503 } },
    { match: { model: 'lfm2.5:1.2b' }, respond: { status: 500 } },
  ];
  const world = await World.open({ simulator: { models, rules } });
  const run = await world.start(['one'], { options: { retries: 2 } });
  expect(await run.result()).toMatchObject({ failed: 1, failedByKind: { 500: 1 } });
  const statuses = (await world.requests()).map(({ status }) => status);
  expect(statuses).toEqual([500, 500, 503, 500]);
});

it('waits as long as a 429 asks, and does not count it as an attempt', async () => {
  const world = await World.open({
    simulator: { rules: [{ match: { toRequest: 1 }, respond: { status: 429, retryAfterSecs: 2 } }] },
  });
  const run = await world.start(prompts(4), { options: { retries: 0, concurrency: 1 } });
  expect(await run.result()).toMatchObject({ ok: 4, failed: 0 });
  const [first, second] = await world.requests();
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(2000);
});

it('fails only the item that the endpoint calls a bad request', async () => {
  const world = await World.open({
    simulator: { rules: [{ match: { promptIncludes: 'prompt 2' }, respond: { status: 400, message: 'too long' } }] },
  });
  const run = await world.start(prompts(5));
  const { results } = await run.result();
  expect(world.output(results).map(({ error }) => error)).toEqual([
    undefined,
    undefined,
    '400: too long',
    undefined,
    undefined,
  ]);
  expect((await world.stats()).requests).toBe(5);
});

it('asks again when an answer does not satisfy the schema', async () => {
  const world = await World.open({ simulator: { breakSchemaEvery: 3 } });
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer' } },
    required: ['n'],
    additionalProperties: false,
  };
  const run = await world.start(prompts(4), { options: { schema, concurrency: 1 } });
  expect(await run.result()).toMatchObject({ ok: 4, failed: 0, requests: 5 });
});
