import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ask, PNG, simulator, textOf, WAV } from './harness.js';

const image = (base64: string) => [
  { type: 'text', text: 'What is this?' },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${base64}` } },
];
const audio = (data: string, format = 'wav') => [
  { type: 'text', text: 'What is said?' },
  { type: 'input_audio', input_audio: { data, format } },
];
const sha256 = (base64: string) =>
  createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex').slice(0, 16);

test('an image reaches a vision model whole', async () => {
  const response = await ask(await simulator(), image(PNG), { model: 'qwen3.5:9b' });
  expect(await textOf(response)).toContain(`with image ${sha256(PNG)}`);
});

test('a sound reaches an audio model whole', async () => {
  const response = await ask(await simulator(), audio(WAV), { model: 'lfm2.5-audio:1.5b' });
  expect(await textOf(response)).toContain(`with audio ${sha256(WAV)}`);
});

test('an image may be a URL, which is not fetched', async () => {
  const part = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
  expect((await ask(await simulator(), [part], { model: 'qwen3.5:9b' })).status).toBe(200);
});

describe('a model of another modality refuses with 400', () => {
  test.each([
    ['an image', 'lfm2.5:1.2b', image(PNG), 'does not support image input'],
    ['an image', 'lfm2.5-audio:1.5b', image(PNG), 'does not support image input'],
    ['a sound', 'lfm2.5:1.2b', audio(WAV), 'does not support audio input'],
    ['a sound', 'qwen3.5:9b', audio(WAV), 'does not support audio input'],
  ])('%s for %s', async (_what, model, content, message) => {
    const response = await ask(await simulator(), content, { model });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(message);
  });
});

describe('what is no attachment is refused with 400', () => {
  const text = Buffer.from('this is a text and no image at all').toString('base64');
  test.each([
    ['a text called an image', image(text), 'not an image'],
    ['a sound called an image', image(WAV), 'not an image'],
    ['base64 with a hole in it', image(PNG.replace('AAAA', 'A A!')), 'not valid base64'],
    ['an empty image', image(''), 'not valid base64'],
    ['a text called a sound', audio(text), 'not a sound'],
    ['a wav called mp3', audio(WAV, 'mp3'), 'said to be mp3'],
    ['a file URL', [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }], 'http(s) URL'],
  ])('%s', async (_what, content, message) => {
    const response = await ask(await simulator({ models: [{ id: 'm', nodes: 1, modality: 'vision' }] }), content, {
      model: 'm',
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(message);
  });
});
