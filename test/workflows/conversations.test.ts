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
