import { describe, expect, it } from 'vitest';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';

const BEST = 'nanbeige:3b';
const SECOND = 'lfm2.5:1.2b';
const MODELS = [
  { id: BEST, nodes: 6 },
  { id: SECOND, nodes: 3 },
  { id: 'locooperator:4b', nodes: 1 },
];
const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const down = (model: string) => ({ match: { model }, respond: { status: 503 } });

it('gives the items of a model that answers 503 to the others by their nodes, and leaves it alone for a while', async () => {
  const world = await World.open({ simulator: { models: MODELS, rules: [down(BEST)] } });
  const run = await world.start(prompts(30), { options: { concurrency: 3, detail: true } });
  const result = await run.result();
  expect(result).toMatchObject({ ok: 30, failed: 0 });
  const { byModel } = await world.stats();
  // A 503 for each permit: what was in flight when the first came.
  expect(byModel[BEST]?.[503]).toBeLessThanOrEqual(3);
  expect(byModel[SECOND]?.[200]).toBeGreaterThan(byModel['locooperator:4b']?.[200] ?? 0);
  const passedOn = world.output(result.results).filter(({ models_tried }) => String(models_tried).includes(BEST));
  expect(passedOn.length).toBeGreaterThan(0);
  expect(passedOn.every(({ model }) => model !== BEST)).toBe(true);
  expect(result.fallbacks).toBe(passedOn.length);
});

// They wait for the same 15 s, until a model that was down is tried again.
describe.concurrent('a run whose models are all down', () => {
  it('waits when every model is down, says so, and goes on when one is back', async ({ onTestFinished }) => {
    const world = await World.open({
      onTestFinished,
      simulator: { models: MODELS, rules: MODELS.map(({ id }) => down(id)) },
    });
    const run = await world.start(prompts(6), { options: { retries: 3 } });
    const waiting = await progressUntil(run, 'the run waits', ({ state }) => state === 'waiting');
    expect(waiting.reason).toBe('503: no nodes available for the requested model');
    expect(waiting.waiting).toMatchObject({ since: expect.any(Number), until: expect.any(Number) });
    expect(waiting.models.every(({ down }) => down)).toBe(true);
    await world.steer('DELETE', 'rules');
    const result = await run.result();
    expect(result).toMatchObject({ ok: 6, failed: 0 });
    // The other one stays as it was if the first that is back answers all.
    const answered = result.models.filter(({ ok }) => ok > 0);
    expect(answered).not.toEqual([]);
    expect(answered.some(({ down }) => down)).toBe(false);
  });

  it('takes a model that appears while all others are down, and counts its answers', async ({ onTestFinished }) => {
    const world = await World.open({
      onTestFinished,
      simulator: { models: [{ id: BEST, nodes: 2 }], rules: [down(BEST)] },
    });
    const run = await world.start(prompts(6));
    await progressUntil(run, 'the run waits', ({ state }) => state === 'waiting');
    await world.steer('PATCH', 'models', [{ id: SECOND, nodes: 4 }]);
    const { models } = await run.result();
    expect(models.find(({ id }) => id === SECOND)).toMatchObject({ ok: 6, nodes: 4 });
  });

  it('ends items with `503: no nodes available` when no model comes back', async ({ onTestFinished }) => {
    const world = await World.open({
      onTestFinished,
      simulator: { models: MODELS, rules: MODELS.map(({ id }) => down(id)) },
    });
    const run = await world.start(prompts(4), { options: { retries: 1, concurrency: 2 } });
    const { results, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 0, failed: 4, failedByKind: { 503: 4 } });
    expect(world.output(results).map(({ error }) => error)).toEqual(
      Array(4).fill('503: no nodes available for the requested model'),
    );
  });
});

it('says that no model takes a modality which none has', async () => {
  const world = await World.open({ simulator: { models: MODELS } });
  const run = await world.start(['text', { prompt: 'see', attachment: PNG }], { options: { retries: 0 } });
  const { results } = await run.result();
  expect(world.output(results)).toMatchObject([
    { output: expect.any(String) },
    { error: '503: no model takes vision' },
  ]);
});

it('does not ask a model again for a modality that it has refused', async () => {
  const models = [
    { id: 'qwen3.5:9b', nodes: 5 },
    { id: 'qwen3.5:2b', nodes: 2 },
  ];
  const refuse = {
    match: { model: 'qwen3.5:9b' },
    respond: { status: 400, message: 'this model does not support image input' },
  };
  const world = await World.open({ simulator: { models, rules: [refuse] } });
  const items = prompts(20).map((prompt) => ({ prompt, attachment: PNG }));
  const run = await world.start(items, { options: { concurrency: 2, chunkSize: 5 } });
  expect(await run.result()).toMatchObject({ ok: 20, failed: 0 });
  const { byModel } = await world.stats();
  expect(byModel['qwen3.5:9b']?.[400]).toBeLessThanOrEqual(2);
  expect(byModel['qwen3.5:2b']).toEqual({ 200: 20 });
  expect(Math.max(...askedTimes(await world.requests(), true).values())).toBe(1);
});
