import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { prompts, World } from '../support/batch-world.js';
import { causeOf, typeOf } from '../support/failures.js';

it('lists every bad line of an invalid input and spends nothing', async () => {
  const world = await World.open();
  const input = world.input(prompts(2));
  writeFileSync(input, '{"prompt": "one"}\n{"prompt": ""}\nnot json\n{"prompt": "four", "id": 1}\n');
  const run = await world.start(input);
  const failure = await causeOf(run.result());
  expect(typeOf(failure)).toBe('InvalidInput');
  expect(failure.message).toContain('.jsonl:2: prompt: must not be empty');
  expect(failure.message).toContain('.jsonl:3: not valid JSON');
  expect(await run.progress()).toMatchObject({ state: 'failed', reason: failure.message });
  expect((await world.stats()).requests).toBe(0);
});

it('writes an error line for each bad line when it is told to skip them', async () => {
  const world = await World.open();
  const input = world.input([]);
  writeFileSync(input, 'not json\n{"prompt": "two"}\n{"prompt": 3}\n');
  const run = await world.start(input, { options: { skipInvalid: true, chunkSize: 1 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ items: 3, ok: 1, failed: 0, skipped: 2, failedByKind: {} });
  expect(world.output(results)).toMatchObject([
    { id: 1, model: null, error: expect.stringMatching(/^invalid: /) },
    { id: 2, output: expect.any(String) },
    { id: 3, model: null, error: expect.stringMatching(/^invalid: /) },
  ]);
});

it('refuses a run that is meant for another endpoint, before a key goes anywhere', async () => {
  const world = await World.open();
  const run = await world.start(prompts(2), { endpoint: 'https://other.example/v1' });
  const failure = await causeOf(run.result());
  expect(typeOf(failure)).toBe('WrongEndpoint');
  expect(failure.message).toContain('DRIA_BASE_URL=https://other.example/v1');
  expect((await world.stats()).requests).toBe(0);
});

it('finds a wrong key before the first prompt', async () => {
  const world = await World.open({ simulator: { keys: ['another-key'] } });
  const run = await world.start(prompts(5));
  const failure = await causeOf(run.result());
  expect(typeOf(failure)).toBe('Unauthorized');
  expect(failure.message).not.toContain('test-key');
  expect((await world.stats()).requests).toBe(0);
});

it('names the option that a caller got wrong', async () => {
  const world = await World.open();
  const run = await world.start(prompts(2), { options: { concurrency: 0 } });
  const failure = await causeOf(run.result());
  expect(typeOf(failure)).toBe('InvalidInput');
  expect(failure.message).toContain('concurrency');
});
