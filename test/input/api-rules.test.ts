import { describe, expect, it } from 'vitest';
import type { ApiName } from '../../src/batch/api.js';
import { parseLine } from '../../src/input/parse-line.js';
import { type ScanOptions, scanInput } from '../../src/input/scan.js';

function scan(lines: readonly object[], options: Partial<ScanOptions> = {}) {
  const source = (async function* () {
    yield Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  })();
  const attachments = { folder: '/dev/null', roots: [], maxBytes: 1 };
  return scanInput({ source, name: 'in.jsonl', attachments, chunkSize: 100, skipInvalid: true, ...options });
}

function line(url: string | undefined, body: object): object {
  return { custom_id: 'a', method: 'POST', url, body: { model: 'm', ...body } };
}

const EMBEDDING = line('/v1/embeddings', { input: 'hi' });
const CHAT = line('/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] });

async function problems(lines: readonly object[], api?: ApiName): Promise<string[]> {
  const { invalid } = await scan(
    lines.map((own, at) => ({ ...own, ...('custom_id' in own ? { custom_id: `${at}` } : {}) })),
    { api },
  );
  return invalid.map(({ line: number, error }) => `${number} ${error}`);
}

describe('what a line of a batch file asks', () => {
  it.each<[string, object, object]>([
    [
      '/v1/responses',
      { input: 'hi', instructions: 'Be brief.', max_output_tokens: 9 },
      { api: 'responses', input: 'hi', prompt: 'hi', system: 'Be brief.', body: { max_output_tokens: 9 } },
    ],
    [
      'https://api.openai.com/v1/responses?x=1',
      {
        input: [
          { role: 'user', content: [{ type: 'input_text', text: 'a' }] },
          { type: 'reasoning' },
          { role: 'user', content: 'b' },
        ],
      },
      { api: 'responses', prompt: 'a\nb' },
    ],
    [
      '/v1/completions',
      { prompt: 'Once', echo: true },
      { api: 'completions', input: 'Once', prompt: 'Once', body: { echo: true } },
    ],
    ['/v1/embeddings/', { input: ['a', 'b'], dimensions: 3 }, { api: 'embeddings', input: ['a', 'b'], prompt: 'a\nb' }],
    ['/v1/embeddings', { input: [1, 2, 3] }, { api: 'embeddings', input: [1, 2, 3], prompt: '' }],
    // A prompt that is stored at OpenAI; its field is no business of ours.
    [
      '/v1/responses',
      { prompt: { id: 'pmpt_1' } },
      { api: 'responses', prompt: '', body: { prompt: { id: 'pmpt_1' } } },
    ],
  ])('%s %j', (url, body, item) => {
    const parsed = parseLine(Buffer.from(JSON.stringify(line(url, body))));
    expect(parsed).toMatchObject({ ok: true, value: { id: 'a', model: 'm', ...item } });
  });

  it.each<[string, object, string]>([
    ['/v1/responses', {}, 'body: has no input'],
    ['/v1/responses', { input: 'a', background: true }, 'body: background: answers are taken whole'],
    ['/v1/completions', { input: 'a' }, 'body: has no prompt'],
    ['/v1/embeddings', { input: [] }, 'body: has an input with nothing in it'],
    ['/v1/embeddings', { messages: [] }, 'body: has no input'],
    [
      '/v1/responses',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: '/etc/a.png' }] }] },
      'body: entry 1 of the input has the file "/etc/a.png"',
    ],
    [
      '/v1/responses',
      { input: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { path: '../a.wav' } }] }] },
      'body: entry 1 of the input has the file "../a.wav"',
    ],
    [
      '/v1/responses',
      { input: [{ role: 'user', content: [{ type: 'input_file', filename: 'a.pdf', file_data: 'docs/a.pdf' }] }] },
      'body: entry 1 of the input has the file "docs/a.pdf"',
    ],
  ])('%s %j is refused', async (url, body, problem) => {
    expect(await problems([line(url, body)])).toEqual([expect.stringContaining(problem)]);
  });
});

describe('what the items of an input are asked by', () => {
  it.each<[readonly object[], ApiName | undefined, ApiName | undefined]>([
    [[EMBEDDING], undefined, 'embeddings'],
    [[CHAT], undefined, undefined],
    [[{ prompt: 'hi' }], 'embeddings', 'embeddings'],
    [[{ prompt: 'hi' }], undefined, undefined],
    // An invalid line says nothing.
    [[{ prompt: 5 }, EMBEDDING], undefined, 'embeddings'],
    [[line(undefined, { input: 'a' })], 'embeddings', 'embeddings'],
  ])('%j by %s', async (lines, api, found) => {
    expect((await scan(lines, { api })).manifest.api).toBe(found);
  });

  it('is a vision model’s work if an input has a picture', async () => {
    const content = [{ type: 'input_image', image_url: 'https://host/a.png' }];
    const { manifest } = await scan([line('/v1/responses', { input: [{ role: 'user', content }] })]);
    expect(manifest.modalities).toEqual({ text: 0, vision: 1, audio: 0 });
  });

  it.each<[readonly object[], ApiName | undefined, string]>([
    [[EMBEDDING, CHAT], undefined, '2 invalid: url: /v1/chat/completions, but line 1 asks by /v1/embeddings'],
    [
      [{ prompt: 'hi' }, EMBEDDING],
      undefined,
      '2 invalid: url: /v1/embeddings, but line 1 asks by /v1/chat/completions',
    ],
    [[EMBEDDING, { prompt: 'hi' }], undefined, '2 invalid: url: /v1/chat/completions, but line 1'],
    [[EMBEDDING], 'responses', '1 invalid: url: /v1/embeddings, but the run asks by /v1/responses'],
    [[line(undefined, { input: 'a' })], undefined, '1 invalid: url: missing, and the body has no messages'],
    [[line(undefined, { input: 'a' })], 'chat', '1 invalid: body: has no messages'],
    [[{ messages: [{ role: 'user', content: 'a' }] }], 'completions', '1 invalid: messages: a plain completion'],
    [[{ messages: [{ role: 'user', content: 'a' }] }], 'embeddings', '1 invalid: messages: an embedding'],
    [[{ prompt: 'a', attachment: 'https://host/a.png' }], 'completions', '1 invalid: attachment: a plain completion'],
    [[{ prompt: 'a', attachment: 'https://host/a.png' }], 'embeddings', '1 invalid: attachment: an embedding'],
    [[{ prompt: 'a', system: 'b' }], 'embeddings', '1 invalid: system: an embedding'],
    [[{ prompt: 'a', max_tokens: 5 }], 'embeddings', '1 invalid: max_tokens: an embedding'],
  ])('is one path: %j by %s is refused', async (lines, api, problem) => {
    expect(await problems(lines, api)).toEqual([expect.stringContaining(problem)]);
  });

  it('takes a schema only where answers can be held to one, and a system message only where there are answers', async () => {
    await expect(scan([EMBEDDING], { placed: { system: 'S' } })).rejects.toThrow('a system message is for answers');
    for (const api of ['embeddings', 'completions'] as const) {
      await expect(scan([{ prompt: 'a' }], { api, placed: { schema: {} } })).rejects.toThrow(
        'a schema is for chat and responses',
      );
    }
    expect(
      (await scan([{ prompt: 'a' }], { api: 'responses', placed: { schema: {}, system: 'S' } })).manifest.items,
    ).toBe(1);
  });

  it('decides whether the same items are asked once', async () => {
    const unique = (api: ApiName): boolean => api === 'embeddings';
    const twice = [
      line('/v1/embeddings', { input: 'a' }),
      { ...line('/v1/embeddings', { input: 'a' }), custom_id: 'b' },
    ];
    expect((await scan(twice, { unique })).manifest.twins).toBe(1);
    expect((await scan([{ prompt: 'a' }, { prompt: 'a' }], { unique })).manifest.twins).toBe(0);
  });
});
