import { expect, it } from 'vitest';
import { ruleSchema } from '../../src/simulator/rules.js';
import { completion } from '../dria/scripted-server.js';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { scriptedWorld } from './scripted-world.js';
import { errorsOf, openAi, pictures, refused } from './shapes.js';

const FIRST = 'nanbeige:3b';
const SECOND = 'lfm2.5:1.2b';
const MODELS = [
  { id: FIRST, nodes: 4 },
  { id: SECOND, nodes: 4 },
];
const FAST = { kind: 'fixed', ms: 5 } as const;

it.each([
  { shape: 'Retry-After in seconds', headers: { 'retry-after': '300' } },
  { shape: 'a sentence', headers: {}, message: 'Rate limit reached for model. Please try again in 5m0s.' },
])('5: lets a limited model cool alone (by $shape) and gives its items to the other', async ({ headers, message }) => {
  const respond = refused(429, openAi(message ?? 'Rate limit reached', { code: 'rate_limit_exceeded' }), headers);
  const world = await World.open({
    simulator: { models: MODELS, latency: FAST, rules: [{ match: { model: FIRST }, respond }] },
  });
  const run = await world.start(prompts(40), { options: { concurrency: 4, retries: 0 } });
  expect(await run.result()).toMatchObject({ ok: 40, failed: 0 });
  const { byModel } = await world.stats();
  expect(byModel[SECOND]).toEqual({ 200: 40 });
  expect(byModel[FIRST]?.[429]).toBeLessThanOrEqual(4);
});

it('5: asks a limited model again when its time is over, with no item lost or asked twice', async () => {
  const world = await World.open({
    simulator: { models: MODELS, latency: { kind: 'fixed', ms: 100 }, quirks: [`limited-model@${FIRST}=6`] },
  });
  const run = await world.start(prompts(400), { options: { concurrency: 4, retries: 0, pack: 4 } });
  const cooling = await progressUntil(run, 'the model cools', ({ models }) => models.some(({ down }) => down));
  expect(cooling).toMatchObject({ state: 'running' });
  expect(cooling.models.find(({ id }) => id === FIRST)).toMatchObject({
    down: true,
    why: expect.stringContaining('Rate limit reached'),
  });
  await world.steer('DELETE', 'quirks');
  const { models, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 400, failed: 0 });
  expect(models.find(({ id }) => id === FIRST)?.ok).toBeGreaterThan(0);
  expect(Math.max(...askedTimes(await world.requests(), true).values())).toBe(1);
});

it('9: leaves embeddings and speech out by type and name, and gives up the model that shows it only when asked', async () => {
  const world = await World.open({ simulator: { models: MODELS, latency: FAST, quirks: ['non-chat-models'] } });
  const run = await world.start(prompts(50), { options: { concurrency: 5, retries: 0 } });
  const { models, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 50, failed: 0 });
  expect(
    models
      .filter(({ ok }) => ok > 0)
      .map(({ id }) => id)
      .sort(),
  ).toEqual([SECOND, FIRST]);
  const { byModel } = await world.stats();
  expect(Object.keys(byModel).filter((id) => /embed|whisper|tts|bge/.test(id))).toEqual([]);
});

it.each([
  {
    status: 404,
    body: openAi(
      'This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?',
      { param: 'model' },
    ),
  },
  { status: 500, body: { error: { message: 'model "odd" not found, try pulling it first' } } },
])(
  '9: takes a model out for the run that answers $status $body, and gives its items to the other',
  async ({ status, body }) => {
    const { world, chats } = await scriptedWorld(
      (response, { model }) =>
        model === 'odd'
          ? response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
          : response.end(completion('yes')),
      {
        models: [
          { id: 'odd', nodes: 9 },
          { id: 'even', nodes: 1 },
        ],
      },
    );
    const run = await world.start(prompts(30), { options: { concurrency: 3, retries: 0 } });
    const { models, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 30, failed: 0 });
    expect(chats.filter(({ model }) => model === 'odd').length).toBeLessThanOrEqual(4);
    expect(models.find(({ id }) => id === 'odd')).toMatchObject({ ok: 0, failed: 0, down: true });
  },
);

it('12: gives the items of a model that always answers 500 to the other, with no failed item', async () => {
  const world = await World.open({
    simulator: { models: MODELS, latency: FAST, quirks: [`broken-model@${FIRST}=500`] },
  });
  const run = await world.start(prompts(60), { options: { concurrency: 4 } });
  const { models, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 60, failed: 0 });
  expect(models.find(({ id }) => id === FIRST)).toMatchObject({
    ...{ ok: 0, failed: 0, down: true },
    why: expect.stringMatching(/in a row.*EngineCore/),
  });
  // Five in a row, and what was under way with them.
  expect((await world.stats()).byModel[FIRST]?.[500]).toBeLessThanOrEqual(5 + 4);
});

it('12: gives the items of a model that answers rubbish to the other', async () => {
  const world = await World.open({
    simulator: { models: MODELS, latency: FAST, quirks: [`broken-model@${FIRST}=rubbish`] },
  });
  const run = await world.start(prompts(60), { options: { concurrency: 4 } });
  expect(await run.result()).toMatchObject({ ok: 60, failed: 0 });
  expect((await world.stats()).byModel[FIRST]?.[200]).toBeLessThanOrEqual(5 + 4);
});

it('12: gives the items of a model that hangs to the other', async () => {
  const world = await World.open({
    simulator: { models: MODELS, latency: FAST, quirks: [`broken-model@${FIRST}=hang`] },
  });
  const run = await world.start(prompts(40), { options: { concurrency: 4, timeoutSecs: 1 } });
  expect(await run.result()).toMatchObject({ ok: 40, failed: 0 });
});

const gone = (respond: object) => async () => {
  const world = await World.open({
    simulator: { models: MODELS, latency: FAST, rules: [ruleSchema.parse({ match: { model: FIRST }, respond })] },
  });
  const run = await world.start(prompts(60), { options: { concurrency: 4 } });
  expect(await run.result()).toMatchObject({ ok: 60, failed: 0 });
};

it('12: gives the items of a model that breaks every connection to the other', gone({ kind: 'reset' }));

for (const respond of [{ kind: 'truncated' }, { kind: 'empty-content' }, { status: 504 }]) {
  it(`12: gives the items of a model that always answers ${JSON.stringify(respond)} to the other`, gone(respond));
}

const VISION = [
  { id: 'qwen3.5:9b', nodes: 5 },
  { id: 'qwen3.5:2b', nodes: 2 },
];

it.each([
  {
    shape: "a router's 404",
    respond: refused(404, { error: { message: 'No endpoints found that support image input', code: 404 } }),
  },
  {
    shape: 'a 500',
    respond: refused(500, {
      error: {
        code: 500,
        message: 'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
        type: 'server_error',
      },
    }),
  },
])('13: gives pictures to the next model when one refuses them by $shape', async ({ respond }) => {
  const world = await World.open({
    simulator: { models: VISION, latency: FAST, rules: [{ match: { model: 'qwen3.5:9b' }, respond }] },
  });
  const run = await world.start(pictures(20), { options: { concurrency: 4, retries: 0 } });
  expect(await run.result()).toMatchObject({ ok: 20, failed: 0 });
  const { byModel } = await world.stats();
  expect(Object.values(byModel['qwen3.5:9b'] ?? {}).reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(4);
  expect(byModel['qwen3.5:2b']).toEqual({ 200: 20 });
});

it('13: gives pictures to the next model when one refuses each with the same words that are new to everybody', async () => {
  const respond = refused(400, { error: { message: 'Sorry, payload part #2 cannot be used here.' } });
  const world = await World.open({
    simulator: { models: VISION, latency: FAST, rules: [{ match: { model: 'qwen3.5:9b' }, respond }] },
  });
  const run = await world.start(pictures(20), { options: { concurrency: 4, retries: 0 } });
  expect(await run.result()).toMatchObject({ ok: 20, failed: 0 });
});

it.each(['openrouter', 'deepseek'])(
  '13: fails pictures with the words (%s) where no model takes any, and answers texts',
  async (shape) => {
    const world = await World.open({ simulator: { models: VISION, latency: FAST, quirks: [`no-images=${shape}`] } });
    const run = await world.start([...prompts(10), ...pictures(5)], { options: { concurrency: 2, retries: 0 } });
    const { results, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 10, failed: 5 });
    expect(Object.keys(errorsOf(world.output(results)))).toEqual(['10', '11', '12', '13', '14']);
    for (const error of Object.values(errorsOf(world.output(results)))) expect(error).toMatch(/image|image_url/);
  },
);
