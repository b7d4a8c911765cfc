import { expect, it } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import { prompts, World } from '../support/batch-world.js';

const SCHEMA = {
  type: 'object',
  properties: { mood: { enum: ['good', 'bad'] }, score: { type: 'number' } },
  required: ['mood', 'score'],
  additionalProperties: false,
};

it('answers every item of an endpoint that gives JSON only when it is told what was wrong', async () => {
  const world = await World.open({ simulator: { quirks: ['needs-correction'] } });
  const run = await world.start(prompts(60), { options: { schema: SCHEMA, concurrency: 20 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 60, failed: 0, requests: 120, retries: 60 });
  expect(world.output(results).every(({ parsed }) => parsed !== undefined)).toBe(true);
  const messages = (await world.requests()).map((request) => request.messages);
  expect([1, 3].map((count) => messages.filter((found) => found === count).length)).toEqual([60, 60]);
});

it('asks the next best target for what the first could not repair, and keeps its words if that cannot either', async () => {
  const models = [
    { id: 'nanbeige:3b', nodes: 3 },
    { id: 'lfm2.5:1.2b', nodes: 1 },
  ];
  // Its answers are never JSON, whatever it is told.
  const rules: SimulatorOptions['rules'] = [
    { match: { model: 'nanbeige:3b' }, respond: { kind: 'answer', content: 'I would rather not.' } },
  ];
  const world = await World.open({ simulator: { models, rules } });
  const options = { schema: SCHEMA, concurrency: 4, retries: 3, detail: true };
  const run = await world.start(prompts(4), { options });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 4, failed: 0 });
  const lines = world.output(results);
  expect(lines.every(({ model }) => model === 'lfm2.5:1.2b')).toBe(true);
  const only = await world.start(prompts(2), { options: { ...options, model: 'nanbeige:3b' } });
  const failed = world.output((await only.result()).results);
  expect(failed).toMatchObject(
    failed.map(() => ({
      error: expect.stringContaining('invalid output: the answer is not JSON'),
      attempts: 4,
      invalid_output: 'I would rather not.',
    })),
  );
});
