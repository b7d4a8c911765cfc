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
  [asking('a', 'b'), '("a" and "b")'],
  [asking('a', undefined), '("a" and none)'],
  [asking(undefined, undefined, 'a'), '(none and "a")'],
])('items that name different models are refused: %j', async (lines, named) => {
  await expect(scan(lines)).rejects.toThrow(`the items of in.jsonl name different models ${named}: give -m`);
});

it('a model of the run goes before those of the items', async () => {
  expect((await scan(asking('a', 'b', undefined), 'm')).manifest).toMatchObject({ items: 3 });
});

it('pictures and sounds in messages count as such', async () => {
  const message = (...types: string[]) => ({ messages: [{ role: 'user', content: types.map((type) => ({ type })) }] });
  const { manifest } = await scan([message('text'), message('text', 'image_url'), message('image_url', 'input_audio')]);
  expect(manifest.modalities).toEqual({ text: 1, vision: 1, audio: 1 });
});
