import { expect, it } from 'vitest';
import { World } from '../support/batch-world.js';

it('a file made for OpenAI’s batches asks the model that its lines name, without a model option', async () => {
  const world = await World.open();
  const lines = ['a', 'b', 'c'].map((id) => ({
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'qwen3.5:9b', messages: [{ role: 'user', content: `Say ${id}.` }], max_tokens: 50 },
  }));
  const run = await world.start(lines);
  const { results, ...counts } = await run.result();
  expect(counts).toMatchObject({ ok: 3, failed: 0, outcome: 'all' });
  expect(world.output(results)).toMatchObject(lines.map(({ custom_id: id }) => ({ id, model: 'qwen3.5:9b' })));
  const asked = (await world.requests()).filter(({ prompt }) => prompt !== undefined);
  expect(asked).toHaveLength(3);
  for (const request of asked) expect(request).toMatchObject({ model: 'qwen3.5:9b', maxTokens: 50 });
});

it('lines for vectors, without a model and an option, ask the listed model that makes vectors', async () => {
  const models = [
    { id: 'bge-m3', nodes: 2 },
    { id: 'qwen3.5:9b', nodes: 20 },
  ];
  const rules = [{ match: { promptIncludes: 'endless' }, respond: { status: 400 } }];
  const world = await World.open({ simulator: { models, rules } });
  const lines = Array.from({ length: 40 }, (_, at) => ({
    custom_id: `r-${at}`,
    url: '/v1/embeddings',
    body: { input: at === 5 ? 'endless' : `text ${at}`, dimensions: 2 },
  }));
  const { results, ...counts } = await (await world.start(lines, { options: { maxTotalTokens: 10_000 } })).result();
  const { requests, answered, byModel } = await world.stats();
  expect(counts).toMatchObject({ ok: 39, failed: 1, requests });
  expect(Object.keys(byModel)).toEqual(['bge-m3']);
  expect(requests).toBeLessThan(20);
  expect(answered).toBeLessThan(requests);
  const found = world.output(results);
  expect(found.map(({ id }) => id)).toEqual(lines.map(({ custom_id }) => custom_id));
  expect(found[5]).toMatchObject({ error: expect.stringMatching(/^400: /) });
  for (const line of found.toSpliced(5, 1)) {
    expect(line).toMatchObject({ model: 'bge-m3', embedding: [expect.any(Number), expect.any(Number)] });
    expect(line).not.toHaveProperty('output');
  }
});
