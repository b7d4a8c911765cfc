import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import type { World as AnyWorld } from '../support/batch-world.js';
import { World } from '../support/batch-world.js';

const PNG = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));
const WAV = readFileSync(new URL('../../examples/media/tones.wav', import.meta.url));
const PDF = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');

const MODELS = [
  { id: 'reads', nodes: 1, modality: 'vision+document' },
  { id: 'sees', nodes: 3, modality: 'vision' },
  { id: 'senses', nodes: 1, modality: 'vision+audio' },
  { id: 'writes', nodes: 5, modality: 'text' },
] satisfies NonNullable<SimulatorOptions['models']>;

function sum(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** Puts the files beside the input of a run. */
function withMedia(world: AnyWorld): void {
  for (const [name, bytes] of [
    ['a.png', PNG],
    ['b.wav', WAV],
    ['c.pdf', PDF],
  ] as const) {
    writeFileSync(join(world.root, name), bytes);
  }
}

const user = (...content: object[]) => [{ role: 'user', content }];
const text = { type: 'text', text: 'What is in it?' };

it('asks of each item what all its attachments need, and sends them in their order, also inside messages', async () => {
  const world = await World.open({ simulator: { models: MODELS, modalityField: 'modality' } });
  withMedia(world);
  const lines = [
    { id: 'both', prompt: 'Both?', attachment: 'a.png', attachments: ['b.wav', 'a.png'] },
    { id: 'pdf', prompt: 'Summarise.', attachments: ['c.pdf'] },
    { id: 'none', prompt: 'Nothing attached.', attachments: [] },
    {
      id: 'parts',
      messages: user(
        text,
        { type: 'image_url', image_url: { url: 'a.png', detail: 'low' } },
        { type: 'file', file: { path: 'c.pdf' } },
      ),
    },
    { id: 'sound', messages: user(text, { type: 'input_audio', input_audio: { path: 'b.wav' } }) },
    { custom_id: 'openai', body: { messages: user(text, { type: 'image_url', image_url: { url: 'a.png' } }) } },
  ];
  const run = await world.start(lines, { options: { concurrency: 2 } });
  const { results, ...counts } = await run.result();
  expect(counts).toMatchObject({ ok: 6, failed: 0 });
  const models = Object.fromEntries(world.output(results).map(({ id, model }) => [id, model]));
  expect(models).toMatchObject({ both: 'senses', pdf: 'reads', parts: 'reads', sound: 'senses' });
  const image = { kind: 'image', bytes: PNG.length, sha256: sum(PNG) };
  const sound = { kind: 'audio', bytes: WAV.length, sha256: sum(WAV) };
  const file = { kind: 'file', bytes: PDF.length, sha256: sum(PDF) };
  const sent = (await world.requests()).map(
    ({ attachment, attachments = attachment === undefined ? [] : [attachment] }) => attachments,
  );
  expect(sent).toHaveLength(6);
  for (const attached of [[image, sound, image], [file], [], [image, file], [sound], [image]]) {
    expect(sent).toContainEqual(attached);
  }
});

it('learns which target takes no PDFs, and leaves them to one that does', async () => {
  const models = ['picky', 'reads'].map((id) => ({ id, nodes: 1, modality: 'document' }) as const);
  const world = await World.open({ simulator: { models, modalityField: 'modality', quirks: ['no-files@picky=qwen'] } });
  withMedia(world);
  const lines = Array.from({ length: 12 }, (_, at) => ({ prompt: `Page ${at}?`, attachment: 'c.pdf' }));
  const { results, ...counts } = await (await world.start(lines, { options: { concurrency: 1 } })).result();
  expect(counts).toMatchObject({ ok: 12, failed: 0 });
  expect(new Set(world.output(results).map(({ model }) => model))).toEqual(new Set(['reads']));
  expect((await world.stats()).byModel.picky).toEqual({ 400: 1 });
});

it('holds an answer to the schema of its item, in the place of the run’s', async () => {
  const world = await World.open();
  const lines = [
    { id: 'short', prompt: 'a', schema: 'mood:good|bad,score:number' },
    { id: 'whole', prompt: 'a', schema: { type: 'array', items: { type: 'integer' }, minItems: 2 } },
    { id: 'run', prompt: 'a' },
  ];
  const schema = {
    type: 'object',
    properties: { run: { type: 'boolean' } },
    required: ['run'],
    additionalProperties: false,
  };
  const { results, ...counts } = await (await world.start(lines, { options: { schema, temperature: 0 } })).result();
  // The same prompt, and three questions.
  expect(counts).toMatchObject({ ok: 3, failed: 0 });
  const [short, whole, own] = world.output(results).map(({ parsed }) => parsed);
  expect(short).toEqual({ mood: expect.stringMatching(/^(good|bad)$/), score: expect.any(Number) });
  expect(whole).toEqual(expect.arrayContaining([expect.any(Number)]));
  expect(own).toEqual({ run: expect.any(Boolean) });
  expect((await world.requests()).filter(({ hasSchema }) => hasSchema === true)).toHaveLength(3);
});

it('repairs an answer by the schema of its item', async () => {
  const world = await World.open({
    simulator: {
      rules: [{ match: { promptIncludes: 'Repair', times: 1 }, respond: { kind: 'answer', content: 'no JSON' } }],
    },
  });
  const lines = [{ prompt: 'Repair me.', schema: 'a:integer' }];
  const { results } = await (await world.start(lines, { options: { detail: true } })).result();
  expect(world.output(results)).toMatchObject([{ parsed: { a: expect.any(Number) }, attempts: 2 }]);
  expect((await world.requests()).map(({ messages }) => messages)).toEqual([1, 3]);
});

it('asks of each item the model that it names, lists none for that, and divides the others by nodes', async () => {
  const world = await World.open({
    simulator: { models: MODELS, modalityField: 'modality', quirks: ['unlisted-model@reads'] },
  });
  const named = Array.from({ length: 10 }, (_, at) => ({ prompt: `n${at}`, model: at % 2 === 0 ? 'writes' : 'reads' }));
  const free = Array.from({ length: 27 }, (_, at) => ({ prompt: `f${at}` }));
  const run = await world.start([...named, ...free], { options: { concurrency: 4 } });
  const { results, ...counts } = await run.result();
  expect(counts).toMatchObject({ ok: 37, failed: 0 });
  const lines = world.output(results);
  expect(lines.slice(0, 10).map(({ model }) => model)).toEqual(named.map(({ model }) => model));
  const byModel = (id: string): number => lines.slice(10).filter(({ model }) => model === id).length;
  expect(['writes', 'sees', 'senses', 'reads'].map(byModel)).toEqual([15, 9, 3, 0]);
});

it('needs no list where every item names a model, and fails those of one that is not there with its words', async () => {
  const world = await World.open({
    simulator: { models: MODELS, modalityField: 'modality', quirks: ['restricted-key=models', 'words=openai'] },
  });
  const lines = ['writes', 'sees', 'no-such-model', 'writes'].map((model, at) => ({ prompt: `p${at}`, model }));
  const { results, ...counts } = await (await world.start(lines, { options: { concurrency: 1, retries: 0 } })).result();
  expect(counts).toMatchObject({ ok: 3, failed: 1 });
  expect(world.output(results)[2]).toMatchObject({ error: expect.stringContaining('no-such-model') });
});

it('leaves all items to the run’s own model; without one, gives those of a model that is down to no other', async () => {
  const world = await World.open({ simulator: { models: MODELS, modalityField: 'modality' } });
  const lines = ['writes', 'sees', 'reads'].map((model, at) => ({ prompt: `p${at}`, model }));
  const own = await (await world.start(lines, { options: { model: 'senses' } })).result();
  expect(world.output(own.results).map(({ model }) => model)).toEqual(['senses', 'senses', 'senses']);
  // No other model is asked about the items of one that is down.
  await world.steer('PATCH', 'models', [{ id: 'sees', nodes: 0, modality: 'vision' }]);
  const run = await world.start(lines, { options: { maxWaitSecs: 1 } });
  const { results } = await run.result();
  expect(world.output(results)).toMatchObject([
    { model: 'writes' },
    { model: 'sees', error: expect.stringMatching(/^503: /) },
    { model: 'reads' },
  ]);
});
