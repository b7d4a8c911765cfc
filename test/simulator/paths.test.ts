import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import { PNG, sim, simulator } from './harness.js';

async function asked(path: string, body: object, options: SimulatorOptions = {}) {
  const network = await simulator(options);
  const response = await fetch(`${network.url}/${path}`, {
    method: 'POST',
    headers: { authorization: 'Bearer k' },
    body: JSON.stringify({ model: 'qwen3.5:9b', ...body }),
  });
  const text = await response.text();
  const answer: unknown = response.ok ? JSON.parse(text) : text;
  return { status: response.status, answer, network };
}

test.each<[string, object, SimulatorOptions, object]>([
  [
    'responses',
    { input: 'Hi', instructions: 'Be brief.' },
    {},
    { object: 'response', status: 'completed', output: [{ type: 'message', content: [{ type: 'output_text' }] }] },
  ],
  [
    'responses',
    { input: 'Hi', max_output_tokens: 2 },
    {},
    { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, usage: { output_tokens: 2 } },
  ],
  [
    'responses',
    { input: 'Hi' },
    { quirks: ['cut=4096,reasoning'] },
    { status: 'incomplete', output: [{ type: 'reasoning', summary: [{ type: 'summary_text' }] }] },
  ],
  [
    'responses',
    {
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is it?' },
            { type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${PNG}` },
          ],
        },
      ],
    },
    {},
    { output: [{ content: [{ text: expect.stringContaining('with image') }] }] },
  ],
  [
    'responses',
    {
      model: 'reader',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_file', filename: 'a.pdf', file_data: `data:application/pdf;base64,${btoa('%PDF-1.7')}` },
          ],
        },
      ],
    },
    { models: [{ id: 'reader', nodes: 1, modality: 'document' }] },
    { status: 'completed', output: [{ content: [{ text: expect.stringContaining('with file') }] }] },
  ],
  [
    'completions',
    { prompt: 'Once' },
    {},
    { object: 'text_completion', choices: [{ text: expect.stringContaining('Once') }] },
  ],
  [
    'completions',
    { prompt: 'Once', max_tokens: 1 },
    {},
    { choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 1 } },
  ],
  [
    'embeddings',
    { input: ['a', 'b'], dimensions: 2 },
    {},
    {
      object: 'list',
      data: [
        { index: 0, embedding: [expect.any(Number), expect.any(Number)] },
        { index: 1, embedding: [expect.any(Number), expect.any(Number)] },
      ],
      usage: { prompt_tokens: 2, total_tokens: 2 },
    },
  ],
  ['embeddings', { input: 'a' }, { quirks: ['huge-usage'] }, { usage: { total_tokens: expect.anything() } }],
])('%s answers %j of a network with %j', async (path, body, options, answer) => {
  expect((await asked(path, body, options)).answer).toMatchObject(answer);
});

test('a schema of /v1/responses is satisfied', async () => {
  const schema = { type: 'object', properties: { mood: { enum: ['good', 'bad'] } }, required: ['mood'] };
  const { answer } = await asked('responses', {
    input: 'Hi',
    text: { format: { type: 'json_schema', name: 'a', schema } },
  });
  const text = expect.stringMatching(/^\{"mood":"(good|bad)"\}$/);
  expect(answer).toMatchObject({ output: [{ content: [{ text }] }] });
});

test.each<[string, object, SimulatorOptions, number]>([
  ['responses', {}, {}, 400],
  ['responses', { input: 'Hi', stream: true }, {}, 400],
  ['completions', { messages: [] }, {}, 400],
  ['embeddings', { input: [] }, {}, 400],
  ['embeddings', { input: ['a', 'b', 'c'] }, { maxInputs: 2 }, 413],
  ['embeddings', { input: ['fine', 'long '.repeat(100)] }, { context: 50 }, 400],
  ['embeddings', { input: 'a', model: 'none' }, {}, 503],
  [
    'embeddings',
    { input: ['a', 'bad'] },
    { rules: [{ match: { promptIncludes: 'bad' }, respond: { status: 422 } }] },
    422,
  ],
  ['embeddings', { input: 'a' }, { credits: 0 }, 402],
  ['embeddings', { input: 'a' }, { faults: [{ rate: 1, respond: { status: 500 } }] }, 500],
  ['rerank', { input: 'a' }, {}, 404],
])('%s refuses %j of a network with %j: %s', async (path, body, options, status) => {
  expect((await asked(path, body, options)).status).toBe(status);
});

test('vectors are the same for the same input and model, of length 1, and the same as base64', async () => {
  const { answer, network } = await asked('embeddings', { input: ['a', 'a', 'b'], dimensions: 16 });
  const { data } = answer as { data: { embedding: number[] }[] };
  const [first, again, other] = data.map(({ embedding }) => embedding);
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  expect(Math.hypot(...(first ?? []))).toBeCloseTo(1);
  const packed = await asked('embeddings', { input: 'a', dimensions: 16, encoding_format: 'base64' });
  const { data: list } = packed.answer as { data: { embedding: string }[] };
  const bytes = Buffer.from(list[0]?.embedding ?? '', 'base64');
  expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 16)]).toEqual(first);
  expect(await sim(network, 'GET', 'stats')).toMatchObject({ requests: 1, answered: 1 });
});
