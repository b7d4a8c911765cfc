import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { QUIRKS } from '../../src/simulator/quirks/catalog.js';
import type { Simulator } from '../../src/simulator/server.js';
import { type Ask, dig, PNG, prompts, sim, simulator, WAV } from './harness.js';
import { get, type RawResponse, send } from './raw-client.js';

const MODEL = 'qwen3.5:9b';
const OTHER = 'qwen3.5:2b';
const PICTURE = [
  { type: 'text', text: 'What is this?' },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
];
const FILE = [
  { type: 'text', text: 'What is this?' },
  {
    type: 'file',
    file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${Buffer.from('%PDF-1.4').toString('base64')}` },
  },
];
const SCHEMA = { type: 'object', properties: { note: { type: 'string' }, count: { type: 'integer' } } };
const format = (strict: boolean, schema: object = SCHEMA) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'answer', strict, schema } },
});

const quirky = (...quirks: string[]) => simulator({ quirks });
const content = (response: RawResponse): unknown => dig(response.json(), 'choices', 0, 'message', 'content');
const finish = (response: RawResponse): unknown => dig(response.json(), 'choices', 0, 'finish_reason');

const PATIENCE = { timeout: 20_000 };
const untilAnswered = (network: Simulator): Promise<void> =>
  vi.waitFor(async () => expect((await send(network, 'Hi')).status).toBe(200), PATIENCE);

/** Asks these prompts one after another. */
async function ask(network: Simulator, asked: readonly string[], options?: Ask): Promise<RawResponse[]> {
  const responses: RawResponse[] = [];
  for (const prompt of asked) responses.push(await send(network, prompt, options));
  return responses;
}

interface Row {
  readonly quirk: string;
  readonly ask?: string | readonly object[];
  readonly options?: Ask;
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What one chat request gets. The kinds that need more than one have tests of their own. */
const ROWS: readonly Row[] = [
  { quirk: 'bad-picture=this', ask: PICTURE, status: 400, body: 'image' },
  { quirk: 'bad-picture=this', ask: 'What is this?', status: 200 },
  { quirk: 'bad-picture=that', ask: PICTURE, status: 200 },
  { quirk: 'long-errors=Hi', status: 400, body: '"type":"invalid_request_error"' },
  { quirk: 'passing-4xx=json_validate_failed', status: 400, body: '"code":"json_validate_failed"' },
  { quirk: 'passing-4xx=409', status: 409, body: 'conflict' },
  { quirk: 'passing-4xx=424', status: 424, body: 'during generation' },
  { quirk: 'passing-4xx=425', status: 425, body: 'Too early' },
  { quirk: 'passing-4xx=498', status: 498, body: 'capacity_exceeded' },
  { quirk: 'passing-4xx=529', status: 529, body: 'overloaded_error' },
  { quirk: 'passing-4xx=502', status: 400, body: '"code":502' },
  { quirk: 'words=groq', options: { model: 'none' }, status: 404, body: '"code":"model_not_found"' },
  { quirk: 'words=mistral', options: { model: 'none' }, status: 400, body: 'Invalid model: none' },
  { quirk: 'words=groq', status: 200 },
  {
    quirk: 'strict-fields=openai',
    options: { body: { timeout_secs: 3 } },
    status: 400,
    body: 'Unrecognized request argument supplied: timeout_secs',
  },
  {
    quirk: 'strict-fields=fastapi',
    options: { body: { timeout_secs: 3 } },
    status: 422,
    body: '{"detail":[{"type":"extra_forbidden","loc":["body","timeout_secs"]',
  },
  {
    quirk: 'strict-fields=mistral',
    options: { body: { timeout_secs: 3 } },
    status: 422,
    body: '"object":"error","message":{"detail":[{"type":"extra_forbidden"',
  },
  { quirk: 'strict-fields', options: { body: { max_tokens: 3 } }, status: 200 },
  {
    quirk: 'reasoning-model',
    options: { body: { max_tokens: 3 } },
    status: 400,
    body: "Use 'max_completion_tokens' instead.",
  },
  {
    quirk: 'reasoning-model',
    options: { body: { temperature: 0.7 } },
    status: 400,
    body: '"code":"unsupported_value"',
  },
  {
    quirk: 'reasoning-model',
    options: { body: { max_completion_tokens: 3, temperature: 1 } },
    status: 200,
    body: '"finish_reason":"length"',
  },
  { quirk: 'no-images=openrouter', ask: PICTURE, status: 404, body: 'No endpoints found that support image input' },
  { quirk: 'no-images=llama', ask: PICTURE, status: 500, body: 'you may need to provide the mmproj' },
  { quirk: 'no-images=vllm', ask: PICTURE, status: 400, body: 'At most 0 image(s)' },
  { quirk: 'no-images=deepseek', ask: PICTURE, status: 400, body: 'unknown variant `image_url`' },
  { quirk: 'no-images', status: 200 },
  { quirk: 'no-files', ask: PICTURE, status: 200 },
  { quirk: 'wants-header', status: 401, body: 'invalid subscription key' },
  { quirk: 'wants-header=CF-Access-Client-Id', status: 403, body: '<html>' },
  { quirk: 'wants-header', options: { headers: { 'api-key': 'a' } }, status: 200 },
  { quirk: 'wants-header=x-team:Blue:1', options: { headers: { 'x-team': 'Blue:1' } }, status: 200 },
  { quirk: 'wants-header=x-team:Blue:1', options: { headers: { 'x-team': 'red' } }, status: 401 },
  { quirk: 'same-4xx=model-not-found', status: 404, body: '"code":"model_not_found"' },
  { quirk: 'same-4xx=bad-setting', status: 400, body: '"param":"max_tokens"' },
  {
    quirk: 'non-chat-models',
    options: { model: 'text-embedding-3-small' },
    status: 400,
    body: 'does not support chat',
  },
  { quirk: 'non-chat-models', options: { model: MODEL }, status: 200 },
  { quirk: `limited-model@${MODEL}`, status: 429, body: 'rate_limit_exceeded', headers: { 'retry-after': '30' } },
  { quirk: `limited-model@${OTHER}`, status: 200 },
  { quirk: 'limited-model=7', options: { model: 'lfm2.5:1.2b' }, status: 429, headers: { 'retry-after': '7' } },
  { quirk: `broken-model@${MODEL}`, status: 500, body: 'InternalServerError' },
  { quirk: `broken-model@${OTHER}=hang`, status: 200 },
  {
    quirk: 'loading=90,llama',
    status: 503,
    body: '"message":"Loading model","type":"unavailable_error"',
    headers: { 'retry-after': '60' },
  },
  { quirk: 'loading=20,huggingface', status: 503, body: '"estimated_time":', headers: { 'retry-after': '20' } },
  { quirk: 'long-retry-after', status: 429 },
  { quirk: 'long-retry-after=900,seconds', status: 429, headers: { 'retry-after': '900' } },
  { quirk: 'long-retry-after=900,ms', status: 429, headers: { 'retry-after-ms': '900000' } },
  { quirk: 'long-retry-after=360,reset', status: 429, headers: { 'x-ratelimit-reset-requests': '6m0s' } },
  { quirk: 'quota=0,openai', status: 429, body: '"code":"insufficient_quota"' },
  { quirk: 'quota=0,google', status: 429, body: '"status":"RESOURCE_EXHAUSTED"' },
  { quirk: 'quota=0,array', status: 429, body: '[{"error":{"code":429' },
  {
    quirk: 'no-json-schema=object-only',
    options: { body: format(true) },
    status: 400,
    body: 'type is unavailable now',
  },
  { quirk: 'no-json-schema=object-only', options: { body: { response_format: { type: 'json_object' } } }, status: 200 },
  { quirk: 'no-json-schema=pydantic', options: { body: format(true) }, status: 422, body: 'literal_error' },
  {
    quirk: 'no-json-schema=strict',
    options: { body: format(true) },
    status: 400,
    body: "'additionalProperties' is required",
  },
  { quirk: 'no-json-schema=strict', options: { body: format(false) }, status: 200 },
  {
    quirk: 'no-json-schema=strict',
    options: { body: format(true, { ...SCHEMA, additionalProperties: false }) },
    status: 200,
  },
  {
    quirk: 'no-json-schema=none',
    options: { body: { response_format: { type: 'json_object' } } },
    status: 400,
    body: 'Unsupported parameter: response_format',
  },
  { quirk: 'cut', status: 200, body: '"finish_reason":"length"' },
  { quirk: 'cut=2048', status: 200, body: '"finish_reason":"stop"' },
  { quirk: 'filtered=Hi', status: 200, body: '"finish_reason":"content_filter"' },
  { quirk: 'empty-answer=Hi', status: 200, body: '"content":""},"finish_reason":"stop"' },
  { quirk: 'sse', status: 200, body: 'data: [DONE]', headers: { 'content-type': 'text/event-stream; charset=utf-8' } },
  { quirk: 'bom', status: 200, body: '\ufeff{' },
  { quirk: 'prefix', status: 200 },
  { quirk: 'prefix=/openai/v1', status: 404, body: '<html>' },
  { quirk: 'restricted-key', status: 200 },
  { quirk: `no-images@${MODEL}=llama`, ask: PICTURE, status: 500 },
  { quirk: `no-images@${OTHER}=llama`, ask: PICTURE, status: 200 },
  { quirk: `no-usage@${OTHER}`, status: 200, body: '"usage"' },
  { quirk: 'unlisted-model', options: { model: 'lfm2.5:1.2b' }, status: 200 },
];

describe('a chat request', () => {
  test.each(ROWS)('to an endpoint with $quirk gets $status', async ({ quirk, status, headers = {}, ...row }) => {
    const response = await send(await quirky(quirk), row.ask ?? 'Hi', row.options);
    expect(response.status).toBe(status);
    expect(response.text()).toContain(row.body ?? '');
    expect(response.headers).toMatchObject(headers);
  });
});

describe('items are chosen', () => {
  test.each(['bad-picture', 'moderation', 'long-errors', 'filtered', 'empty-answer'])(
    'by content for %s: the same ones again and in another order, others for another seed',
    async (name) => {
      const sounds = prompts(24).map((text) => [
        { type: 'text', text },
        { type: 'input_audio', input_audio: { data: WAV, format: 'wav' } },
      ]);
      const differ = async (seed: number, order: (asked: object[][]) => object[][]): Promise<string[]> => {
        const network = await simulator({ quirks: [`${name}=3`], seed });
        const found: string[] = [];
        await send(network, 'the first one', { model: 'lfm2.5-audio:1.5b' });
        for (const sound of order(sounds)) {
          const response = await send(network, sound, { model: 'lfm2.5-audio:1.5b' });
          const isPlain = response.status === 200 && finish(response) === 'stop' && content(response) !== '';
          if (!isPlain) found.push(JSON.stringify(dig(sound, 0, 'text')));
        }
        return found.sort();
      };
      const chosen = await differ(1, (asked) => asked);
      expect(chosen.length).toBeGreaterThan(1);
      expect(chosen.length).toBeLessThan(20);
      expect(await differ(1, (asked) => asked.toReversed())).toEqual(chosen);
      expect(await differ(2, (asked) => asked)).not.toEqual(chosen);
    },
  );
});

test('moderation refuses in two shapes, and only after an answer', async () => {
  const network = await simulator({ quirks: ['moderation=bad'], latency: { kind: 'fixed', ms: 300 } });
  const order: string[] = [];
  const all = ['bad 1', 'bad 2', 'bad 3', 'bad 4', 'bad 5', 'bad 6', 'good'];
  const responses = await Promise.all(
    all.map(async (prompt) => {
      const response = await send(network, prompt);
      order.push(prompt);
      return response;
    }),
  );
  expect(order[0]).toBe('good');
  expect(responses.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403, 200]);
  const types = new Set(responses.slice(0, -1).map(({ headers }) => headers['content-type']));
  expect(types).toEqual(new Set(['application/json', 'text/html; charset=UTF-8']));
});

test('long errors hold 2,000 four-byte characters', async () => {
  const response = await send(await quirky('long-errors=Hi'), 'Hi');
  expect(Buffer.byteLength(String(dig(response.json(), 'error', 'message')))).toBe(8_000);
});

test('a passing refusal is given once for each item, in several shapes', async () => {
  const network = await quirky('passing-4xx');
  const first = await ask(network, prompts(30));
  expect(new Set(first.map(({ status }) => status))).toEqual(new Set([400, 409, 424, 425, 498, 529]));
  const second = await ask(network, prompts(30));
  expect(new Set(second.map(({ status }) => status))).toEqual(new Set([200]));
});

describe('the account', () => {
  test('of a restricted key answers 403 for models and balance', async () => {
    const network = await quirky('restricted-key');
    for (const page of ['models', 'credits/balance']) {
      const response = await get(network, page);
      expect([response.status, dig(response.json(), 'error', 'code')]).toEqual([403, 'missing_scope']);
    }
  });

  test('of a key without one right answers 403 for one of them', async () => {
    const network = await quirky('restricted-key=models');
    expect((await get(network, 'models')).status).toBe(403);
    expect((await get(network, 'credits/balance')).status).toBe(200);
  });

  test('of a plain OpenAI-compatible endpoint has no balance, and a list of ids', async () => {
    const network = await quirky('no-balance', 'no-node-counts', 'non-chat-models');
    expect((await get(network, 'credits/balance')).status).toBe(404);
    const list = (await get(network, 'models')).json();
    expect(JSON.stringify(list)).not.toMatch(/nodes|embedding"\}/);
    expect(dig(list, 'data', 0, 'id')).toBe('lfm2.5:1.2b');
  });

  test('that wants a header refuses its pages too', async () => {
    const network = await quirky('wants-header');
    expect((await get(network, 'models')).status).toBe(401);
    expect((await get(network, 'models', { 'api-key': 'a' })).status).toBe(200);
  });

  test('lists models that cannot chat, and not the one that is left out', async () => {
    const network = await quirky('non-chat-models', `unlisted-model@${MODEL}`);
    const list = JSON.stringify((await get(network, 'models')).json());
    expect(list).toContain('"id":"whisper-1"');
    expect(list).toContain('"type":"embedding"');
    expect(list).not.toContain(MODEL);
  });

  test('with a quota answers so many times, and again after it is topped up', async () => {
    const network = await quirky('quota=2');
    const statuses = async () => (await ask(network, prompts(4))).map(({ status }) => status);
    expect(await statuses()).toEqual([200, 200, 429, 429]);
    await sim(network, 'POST', 'credits', { add: 3 });
    expect(await statuses()).toEqual([200, 200, 200, 429]);
    expect((await get(network, 'credits/balance')).status).toBe(404);
  });
});

describe('a time', () => {
  test.each(['loading=0.4', 'long-retry-after=0.4'])(
    'of %s begins with the first request and passes',
    async (quirk) => {
      const network = await quirky(quirk);
      expect((await send(network, 'Hi')).status).toBeGreaterThan(400);
      await untilAnswered(network);
    },
  );

  test('away refuses connections and ends on the same port', async () => {
    const network = await quirky();
    await sim(network, 'POST', 'quirks', ['away=3,0']);
    await vi.waitFor(() => expect(send(network, 'Hi')).rejects.toThrow('ECONNREFUSED'), PATIENCE);
    await untilAnswered(network);
  });

  test('away cuts what is in flight, and a network can be closed meanwhile', async () => {
    const network = await simulator({ quirks: ['away=60,1'], latency: { kind: 'fixed', ms: 60_000 } });
    await expect(send(network, 'Hi')).rejects.toThrow(/ECONNRESET|socket hang up/);
    await network.close();
  });
});

test('a broken model hangs or answers rubbish in several shapes', async () => {
  const rubbish = await quirky(`broken-model@${MODEL}=rubbish`);
  const responses = await ask(rubbish, prompts(12));
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(responses.map((response) => response.text())).size).toBe(3);
  const hanging = await quirky(`broken-model@${MODEL}=hang`);
  await expect(send(hanging, 'Hi', { signal: AbortSignal.timeout(300) })).rejects.toThrow();
  expect((await send(hanging, 'Hi', { model: OTHER })).status).toBe(200);
});

describe('an answer', () => {
  const structured: Ask = { body: format(false) };

  test('that is cut is half of its JSON, or all reasoning', async () => {
    const half = await send(await quirky('cut=4096,half'), 'Hi', structured);
    expect(String(content(half))).toMatch(/^\{/);
    expect(() => JSON.parse(String(content(half)))).toThrow();
    const reasoning = await send(await quirky('cut=4096,reasoning'), 'Hi', structured);
    expect(content(reasoning)).toBe('');
    expect(dig(reasoning.json(), 'choices', 0, 'message', 'reasoning_content')).toContain('First');
    expect(dig(reasoning.json(), 'usage', 'completion_tokens')).toBe(2048);
  });

  test('with thoughts holds its JSON in a fence, after thoughts with braces', async () => {
    const both = String(content(await send(await quirky('thinking=both'), 'Hi', structured)));
    expect(both).toMatch(/^<think>\n.*\{.*<\/think>\n\nHere is the answer:\n\n```json\n\{.*\}\n```$/s);
    const bare = String(content(await send(await quirky('thinking=think'), 'Hi', structured)));
    expect(JSON.parse(bare.split('</think>')[1] ?? '')).toHaveProperty('count');
    expect(content(await send(await quirky('thinking=fence'), 'Hi'))).toContain('Simulated answer');
  });

  test('with big numbers holds integers that no double has', async () => {
    const text = String(content(await send(await quirky('big-numbers'), 'Hi', structured)));
    const digits = /"count":(\d+)/.exec(text)?.[1] ?? '';
    expect(BigInt(digits)).toBeGreaterThan(2n ** 53n);
    expect(String(Number(digits))).not.toBe(digits);
  });

  test('with odd characters holds them raw, and half a surrogate as an escape', async () => {
    const response = await send(await quirky('odd-characters'), 'Hi', structured);
    expect(response.text()).toContain('a\u2028b\u2029c\u0085d\\ud83de');
    expect(JSON.parse(String(content(response)))).toHaveProperty('note');
    expect((await send(await quirky('odd-characters'), 'Hi')).text()).toContain('\u2028');
  });

  test('counts no tokens, or impossible ones', async () => {
    expect((await send(await quirky('no-usage'), 'Hi')).json()).not.toHaveProperty('usage');
    const usages = await ask(await quirky('huge-usage'), prompts(20));
    const totals = new Set(usages.map((response) => dig(response.json(), 'usage', 'total_tokens')));
    expect(totals).toEqual(new Set([1e308, -12, '19', 12.75]));
  });

  test('follows a schema in the prompt if json_schema is refused', async () => {
    const network = await quirky('no-json-schema=object-only');
    const prompt = `How many {x}? Answer as JSON of this schema: ${JSON.stringify(SCHEMA)}`;
    for (const body of [{ response_format: { type: 'json_object' } }, {}]) {
      const answer = JSON.parse(String(content(await send(network, prompt, { body }))));
      expect(answer).toEqual({ note: expect.any(String), count: expect.any(Number) });
    }
  });

  test.each([
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
    ['br', brotliDecompressSync],
  ] as const)('is compressed with %s, as is the models list', async (encoding, decode) => {
    const network = await quirky(`encoded=${encoding}`);
    for (const response of [await send(network, 'Hi'), await get(network, 'models')]) {
      expect(response.headers['content-encoding']).toBe(encoding);
      expect(JSON.parse(decode(response.body).toString())).toHaveProperty('object');
    }
  });

  test('as a stream has its text in pieces and its usage at the end', async () => {
    const response = await send(await quirky('sse'), 'Hi');
    const chunks =
      response
        .text()
        .match(/(?<=^data: )\{.*$/gm)
        ?.map((line): unknown => JSON.parse(line)) ?? [];
    const text = chunks.map((chunk) => dig(chunk, 'choices', 0, 'delta', 'content') ?? '').join('');
    expect(text).toContain('Simulated answer');
    expect(chunks.at(-1)).toHaveProperty('usage.total_tokens');
    expect((await get(await quirky('sse'), 'models')).json()).toHaveProperty('data');
  });
});

test('a prefix moves the whole API and gives an HTML 404 elsewhere', async () => {
  const network = await quirky('prefix=/openai/v1');
  const moved = { ...network, url: network.url.replace(/\/v1$/, '/openai/v1') };
  expect((await send(moved, 'Hi')).status).toBe(200);
  expect((await get(moved, 'models')).status).toBe(200);
  const bare = await get({ ...network, url: network.url.replace(/\/v1$/, '') }, 'models');
  expect([bare.status, bare.headers['content-type']]).toEqual([404, 'text/html; charset=UTF-8']);
});

describe('needs-correction', () => {
  const conversation = (answer: string, complaint: string) => ({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: answer },
      { role: 'user', content: complaint },
    ],
  });

  test('gives JSON only to a conversation that says what was wrong with its answer', async () => {
    const network = await quirky('needs-correction');
    const broken = String(content(await send(network, 'Hi', { body: format(true) })));
    expect(broken).toMatch(/^Here you are: \{.*[^}]$/);
    const answered = async (answer: string, complaint: string): Promise<string> =>
      String(content(await send(network, 'Hi', { body: { ...format(true), ...conversation(answer, complaint) } })));
    expect(JSON.parse(await answered(broken, 'It is not JSON.'))).toMatchObject({ count: expect.any(Number) });
    expect(await answered(broken, 'Again!')).toMatch(/^Here/);
    expect(await answered('{}', 'It is not JSON.')).toMatch(/^Here/);
  });

  test('leaves text alone, and answers to other items', async () => {
    const network = await quirky('needs-correction=bad');
    expect(content(await send(network, 'bad'))).toMatch(/^Simulated/);
    expect(content(await send(network, 'good', { body: format(true) }))).toMatch(/^\{.*\}$/);
    expect(content(await send(network, 'bad', { body: format(true) }))).toMatch(/^Here/);
  });
});

describe('prefix-cache', () => {
  const cached = (response: RawResponse): unknown =>
    dig(response.json(), 'usage', 'prompt_tokens_details', 'cached_tokens');
  const long = (letter: string, end: string): string => `${letter.repeat(640)}${end}`;

  test('counts the whole blocks that a model has answered before', async () => {
    const network = await quirky('prefix-cache');
    const responses = await ask(network, [long('a', '1'), long('a', '2'), long('b', '1'), long('a', '1')]);
    expect(responses.map(cached)).toEqual([0, 160, 0, 160]);
    expect(cached(await send(network, long('a', '1'), { model: OTHER }))).toBe(0);
  });

  test('has nothing of requests that are still being answered', async () => {
    const network = await simulator({ quirks: ['prefix-cache'], latency: { kind: 'fixed', ms: 100 } });
    const responses = await Promise.all([long('a', '1'), long('a', '2')].map((prompt) => send(network, prompt)));
    expect(responses.map(cached)).toEqual([0, 0]);
  });

  test('forgets what was used longest ago', async () => {
    const network = await quirky('prefix-cache=320');
    const [a, b, c] = [long('a', ''), long('b', ''), long('c', '')];
    expect((await ask(network, [a, b, a, c, a, b])).map(cached)).toEqual([0, 0, 160, 0, 160, 0]);
  });

  test.each([
    ['deepseek', 'prompt_cache_hit_tokens'],
    ['anthropic', 'cache_read_input_tokens'],
  ])('counts as %s does', async (name, field) => {
    const [, second] = await ask(await quirky(`prefix-cache=1000,${name}`), [long('a', '1'), long('a', '2')]);
    expect(dig(second?.json(), 'usage', field)).toBe(160);
  });
});

test.each([
  ['no-files=openai', "Invalid Value: 'file'. Supported values are"],
  ['no-files=qwen', 'Invalid value: file.'],
  ['no-files=vllm', 'Unsupported chat content part type'],
  [`no-files@${OTHER}=vllm`, 'with file'],
])('%s refuses a PDF that the model would take', async (quirk, words) => {
  const models = [{ id: MODEL, nodes: 1, modality: 'vision+document' } as const];
  const response = await send(await simulator({ models, quirks: [quirk] }), FILE);
  expect(response.text()).toContain(words);
});

describe('quirks', () => {
  test('combine, whatever the order in which they are set', async () => {
    for (const quirks of [
      ['encoded=gzip', 'bom', 'sse', 'thinking=think'],
      ['thinking=think', 'sse', 'bom', 'encoded=gzip'],
    ]) {
      const response = await send(await quirky(...quirks), 'Hi');
      const text = gunzipSync(response.body).toString();
      expect(text).toMatch(/^: keep-alive\n\ndata: /);
      expect(text).toContain('<think>');
    }
  });

  test('are set, set anew and taken back while the network runs', async () => {
    const network = await quirky('same-4xx=bad-setting');
    expect(await sim(network, 'POST', 'quirks', ['quota=1', 'same-4xx=model-not-found'])).toEqual([
      'same-4xx=model-not-found',
      'quota=1',
    ]);
    expect((await send(network, 'Hi')).status).toBe(404);
    expect(await sim(network, 'DELETE', 'quirks?name=same-4xx')).toEqual(['quota=1']);
    expect((await ask(network, prompts(2))).map(({ status }) => status)).toEqual([200, 429]);
    await sim(network, 'POST', 'quirks', ['quota=1']);
    expect((await send(network, 'Hi')).status).toBe(200);
    expect(await sim(network, 'DELETE', 'quirks')).toEqual([]);
    expect(await sim(network, 'GET', 'quirks')).toEqual([]);
  });

  test('of several models are set and taken back one by one', async () => {
    const network = await quirky(`limited-model@${MODEL}`, `limited-model@${OTHER}`);
    const statuses = async () => [
      (await send(network, 'Hi', { model: MODEL })).status,
      (await send(network, 'Hi', { model: OTHER })).status,
    ];
    expect(await statuses()).toEqual([429, 429]);
    await sim(network, 'DELETE', `quirks?name=limited-model@${MODEL}`);
    expect(await statuses()).toEqual([200, 429]);
    await sim(network, 'DELETE', 'quirks?name=limited-model');
    expect(await statuses()).toEqual([200, 200]);
  });

  test('have their shape from the seed: always the same for one, all of them for many', async () => {
    const shapeOf = async (seed: number): Promise<string> => {
      const network = await simulator({ quirks: ['strict-fields'], seed });
      return (await send(network, 'Hi', { body: { timeout_secs: 3 } })).text();
    };
    const shapes = await Promise.all(prompts(20).map((_, seed) => shapeOf(seed)));
    expect(new Set(shapes).size).toBe(3);
    expect(await Promise.all(prompts(20).map((_, seed) => shapeOf(seed)))).toEqual(shapes);
  });

  test('are named in the record of the requests that they changed', async () => {
    const network = await quirky('no-usage', 'passing-4xx=409');
    await ask(network, ['Hi', 'Hi']);
    const lines = (await get(network, '_sim/requests')).text().trim().split('\n');
    const records = lines.map((line): unknown => JSON.parse(line));
    expect(records).toMatchObject([
      { status: 409, quirks: ['passing-4xx'], fields: ['model', 'messages'] },
      { status: 200, quirks: ['no-usage'], endedAt: expect.any(Number) },
    ]);
  });

  test.each([
    ['nonsense', 'no such quirk: nonsense'],
    ['no-usage=1', 'takes no value'],
    ['quota=many', 'expected a number, not many'],
    ['cut=9,whole', 'expected half or reasoning'],
    ['encoded=zip', 'expected one of gzip, deflate, br, not zip'],
    ['bad-picture=0', 'expected a number of 1 or more'],
    ['broken-model@a=sad', 'expected one of 500, hang, rubbish'],
    ['encoded@a', 'the quirk encoded is not about single models'],
    ['prefix=v1', 'expected a path'],
    ['prefix-cache=9,mine', 'expected one of openai, deepseek, anthropic, not mine'],
  ])('refuse %s with the reason', async (quirk, reason) => {
    await expect(quirky(quirk)).rejects.toThrow(reason);
    const { url } = await quirky();
    const response = await fetch(`${url}/_sim/quirks`, { method: 'POST', body: JSON.stringify([quirk]) });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(reason)]);
  });

  test('all have a test in this file', async () => {
    const { readFile } = await import('node:fs/promises');
    const source = await readFile(new URL(import.meta.url), 'utf8');
    expect(QUIRKS.map(({ name }) => name).filter((name) => !new RegExp(`['\`]${name}['\`=@]`).test(source))).toEqual(
      [],
    );
  });
});
