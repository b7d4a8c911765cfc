import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type RealModel, SMALL_MODEL, startSmallModel } from '../../bench/real/small-model.js';
import { ROOT } from '../support/build.js';
import { CliWorld } from '../support/cli.js';
import { pythonWith } from '../support/python.js';
import { readResults } from '../support/result-lines.js';

const python = pythonWith(['xllamacpp'], 'the test against llama.cpp');

const answerSchema = z.strictObject({ country: z.string(), isLarge: z.boolean() });

describe.skipIf(python === undefined)("llama.cpp's server with a real model", () => {
  let world: CliWorld;
  let model: RealModel;

  beforeAll(async () => {
    world = await CliWorld.open();
    const script = join(ROOT, 'bench/real/serve_model.py');
    model = await startSmallModel(python ?? '', { slots: 2, context: 512, script });
  });
  afterAll(async () => {
    await model.stop();
    await world.close();
  });

  async function batch(input: string, ...options: readonly string[]) {
    const output = world.path(`${input.replace(/.*\//, '')}.out.jsonl`);
    const env = { DRIA_BASE_URL: model.url };
    const ended = await world.run(['batch', input, '-o', output, '-m', SMALL_MODEL, '-c', '2', ...options], { env });
    return { ended, lines: () => readResults(output) };
  }

  test('answers prompts, and counts its tokens', async () => {
    const { ended, lines } = await batch(world.prompts('plain', 6), '--max-tokens', '12');
    expect(ended).toMatchObject({ code: 0 });
    expect(lines()).toHaveLength(6);
    for (const line of lines()) expect(line).toMatchObject({ model: SMALL_MODEL, output: expect.stringMatching(/\w/) });
    expect(lines().every(({ tokens = 0 }) => tokens > 12)).toBe(true);
  });

  test('keeps every answer to a schema, with its grammar', async () => {
    const schema = world.file('schema.json', JSON.stringify(z.toJSONSchema(answerSchema)));
    const cities = ['Paris', 'Lima', 'Oslo', 'Cairo'].map((city) =>
      JSON.stringify({ prompt: `In which country is ${city}?` }),
    );
    const { ended, lines } = await batch(world.file('cities.jsonl', `${cities.join('\n')}\n`), '--schema-file', schema);
    expect(ended).toMatchObject({ code: 0 });
    expect(lines()).toHaveLength(4);
    for (const { output } of lines()) answerSchema.parse(JSON.parse(output ?? ''));
  });

  test('takes a prompt that is longer than its context for the fault of that item alone', async () => {
    const prompts = ['short', 'long '.repeat(2_000), 'short too'].map((prompt) => JSON.stringify({ prompt }));
    const { ended, lines } = await batch(world.file('long.jsonl', `${prompts.join('\n')}\n`), '--max-tokens', '8');
    expect(ended).toMatchObject({ code: 3 });
    expect(lines().map(({ error }) => error !== undefined)).toEqual([false, true, false]);
    expect(lines()[1]?.error).toMatch(/context/);
  });

  test('asks nothing for fields that it does not know: those go along as they are', async () => {
    const { ended, lines } = await batch(
      world.prompts('body', 2),
      '--max-tokens',
      '8',
      '--body',
      '{"seed":7,"min_p":0.1}',
    );
    expect(ended).toMatchObject({ code: 0 });
    expect(lines()).toHaveLength(2);
  });
});
