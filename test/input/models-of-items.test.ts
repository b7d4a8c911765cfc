import { expect, it } from 'vitest';
import { scanInput } from '../../src/input/scan.js';

function scan(lines: readonly object[], model?: string) {
  const source = (async function* () {
    yield Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  })();
  const attachments = { folder: '/dev/null', roots: [], maxBytes: 1 };
  return scanInput({ source, name: 'in.jsonl', attachments, chunkSize: 100, skipInvalid: true, model });
}

function asking(...models: (string | undefined)[]): object[] {
  return models.map((model) => ({ prompt: 'hi', model }));
}

it.each([
  [asking('m', 'm'), 'm'],
  [[...asking('m'), { prompt: 5, model: 'other' }], 'm'],
  [asking(undefined, undefined), undefined],
])('the model that all valid items name is the run’s: %j', async (lines, model) => {
  expect((await scan(lines)).manifest.model).toBe(model);
});

it.each([
  [asking('a', 'b'), { names: ['a', 'b'], items: '0,1' }],
  [asking('a', undefined), { names: ['a'], items: '0,' }],
  [asking(undefined, undefined, 'a', 'b', 'a'), { names: ['a', 'b'], items: 'x2,0,1,0' }],
])('models that differ are targets of their items: %j', async (lines, models) => {
  const { manifest } = await scan(lines);
  expect(manifest).toMatchObject({ models: models.names, chunks: [{ models }] });
  expect(manifest.model).toBeUndefined();
});

it('more models than a run may have targets for are refused in words, whatever becomes of invalid lines', async () => {
  const lines = asking(...Array.from({ length: 1_000 }, (_, at) => `m-${at}`));
  await expect(scan(lines)).rejects.toThrow(
    'the items of in.jsonl name more than 100 different models ("m-0", "m-1", "m-2" …): give -m with one for all, or split the file',
  );
  expect((await scan(lines, 'm')).manifest.models).toBeUndefined();
});

it('a model of the run goes before those of the items', async () => {
  expect((await scan(asking('a', 'b', undefined), 'm')).manifest).toMatchObject({ items: 3 });
});

it('pictures and sounds in messages count as such', async () => {
  const message = (...types: string[]) => ({ messages: [{ role: 'user', content: types.map((type) => ({ type })) }] });
  const { manifest } = await scan([message('text'), message('text', 'image_url'), message('image_url', 'input_audio')]);
  expect(manifest.modalities).toEqual({ text: 1, vision: 1, audio: 0, 'vision+audio': 1 });
});
