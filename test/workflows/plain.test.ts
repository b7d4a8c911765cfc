import { expect, it } from 'vitest';
import { progressUntil, prompts, World } from '../support/batch-world.js';
import { causeOf } from '../support/failures.js';

const TEXT_MODELS = [
  { id: 'nanbeige:3b', nodes: 7 },
  { id: 'lfm2.5:1.2b', nodes: 2 },
  { id: 'locooperator:4b', nodes: 1 },
];

it('gives every item one line, in input order, with ids of lines that have none', async () => {
  const world = await World.open();
  const run = await world.start([{ prompt: 'one', id: 'a' }, 'two', { prompt: 'three', id: 7 }, 'four']);
  const { results, ...summary } = await run.result();
  expect(world.output(results).map(({ id }) => id)).toEqual(['a', 2, 7, 4]);
  expect(world.output(results).every(({ output, tokens }) => output && Number(tokens) > 0)).toBe(true);
  expect(summary).toMatchObject({ runId: run.id, items: 4, ok: 4, failed: 0, requests: 4, fallbacks: 0 });
});

it('gives models exactly their share by nodes, over all chunks together', async () => {
  const world = await World.open({ simulator: { models: TEXT_MODELS } });
  const run = await world.start(prompts(50), { options: { chunkSize: 7, concurrency: 5 } });
  const { models } = await run.result();
  const { byModel } = await world.stats();
  expect(byModel).toEqual({ 'nanbeige:3b': { 200: 35 }, 'lfm2.5:1.2b': { 200: 10 }, 'locooperator:4b': { 200: 5 } });
  expect(models.map(({ id, ok }) => [id, ok])).toEqual([
    ['nanbeige:3b', 35],
    ['lfm2.5:1.2b', 10],
    ['locooperator:4b', 5],
  ]);
});

it('sends images to vision models and sound to audio models only', async () => {
  const world = await World.open();
  const png =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const wav = `data:audio/wav;base64,${Buffer.from('524946462400000057415645666d74201000000001000100401f0000803e0000020010006461746100000000', 'hex').toString('base64')}`;
  const run = await world.start([
    { prompt: 'What do you see?', attachment: png },
    { prompt: 'What do you hear?', attachment: wav },
  ]);
  expect(await run.result()).toMatchObject({ ok: 2, requests: 2 });
  const asked = (await world.requests()).map(({ prompt, model }) => [prompt, model]).sort();
  expect(asked).toEqual([
    ['What do you hear?', 'lfm2.5-audio:1.5b'],
    ['What do you see?', 'qwen3.5:0.8b'],
  ]);
});

it('asks for a schema and gives the checked value beside the text', async () => {
  const world = await World.open();
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  };
  const run = await world.start(prompts(3), { options: { schema } });
  const { results } = await run.result();
  const lines = world.output(results);
  expect(lines.map(({ parsed }) => parsed)).toEqual(lines.map(({ output }) => JSON.parse(output ?? '')));
  expect((await world.requests()).every(({ hasSchema }) => hasSchema)).toBe(true);
});

it('asks a chosen model that is not in the list, and no other', async () => {
  const world = await World.open({ modelsList: [{ id: 'lfm2.5:1.2b' }] });
  const run = await world.start(prompts(5), { options: { model: 'nanbeige:3b' } });
  expect(await run.result()).toMatchObject({ ok: 5, models: [{ id: 'nanbeige:3b', ok: 5 }] });
  expect((await world.stats()).byModel).toEqual({ 'nanbeige:3b': { 200: 5 } });
});

it('asks a chosen model when the models list cannot be had', async () => {
  const world = await World.open({ modelsList: 404 });
  const run = await world.start(prompts(5), { options: { model: 'nanbeige:3b' } });
  expect(await run.result()).toMatchObject({ ok: 5, failed: 0 });
});

it('begins with a chosen model though the models list and the balance are never answered', async () => {
  const world = await World.open({ silent: ['/v1/models', '/v1/credits/balance'] });
  const run = await world.start(prompts(5), { options: { model: 'nanbeige:3b' } });
  expect(await run.result()).toMatchObject({ ok: 5, failed: 0 });
});

it('says that it waits for the models list while it must choose', async () => {
  const world = await World.open({ silent: ['/v1/models'] });
  const run = await world.start(prompts(5));
  const words = "waiting for the endpoint's models list";
  await progressUntil(run, 'only the list is waited for', ({ reason }) => reason === words);
  await run.cancel();
});

it('stops at once when it must choose a model and there is no list', async () => {
  const world = await World.open({ modelsList: 404 });
  const run = await world.start(prompts(5));
  expect((await causeOf(run.result())).message).toContain('404');
  expect((await world.stats()).requests).toBe(0);
});

it('does two runs at once, each with its own results', async () => {
  const world = await World.open({ simulator: { latency: { kind: 'fixed', ms: 50 } } });
  const [first, second] = await Promise.all([
    world.start(prompts(20), { options: { concurrency: 4 } }),
    world.start(
      prompts(20).map((prompt) => `other ${prompt}`),
      { options: { concurrency: 4 } },
    ),
  ]);
  const [one, two] = await Promise.all([first.result(), second.result()]);
  expect([one.ok, two.ok]).toEqual([20, 20]);
  expect(world.output(one.results).map(({ id }) => id)).toEqual(world.output(two.results).map(({ id }) => id));
  expect((await world.stats()).answered).toBe(40);
});
