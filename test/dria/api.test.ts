import { describe, expect, it } from 'vitest';
import type { ApiName } from '../../src/batch/api.js';
import { extrasOf, thoughtsOf } from '../../src/dria/answer-extras.js';
import { apiOf } from '../../src/dria/api.js';
import { type AskedFor, parseChatAnswer } from '../../src/dria/chat-answer.js';
import { canBeAsked } from '../../src/dria/chat-models.js';
import type { AttachmentKind, ChatRequest, StreamedAttachment } from '../../src/dria/chat-request.js';
import { profileFor, RequestProfiles } from '../../src/dria/request-profile.js';

const REQUEST: ChatRequest = { model: 'm', prompt: 'Hi', maxTokens: 9, temperature: 0.5, timeoutMs: 1000 };
const SCHEMA = { name: 'answer', schema: { type: 'object' } };
const PICTURE = { type: 'image_url', image_url: { url: 'https://host/a.png' } };

function streamed(kind: AttachmentKind, mediaType: string): StreamedAttachment {
  return { kind, mediaType, bytes: 1, open: async () => [] as never };
}

function bodyOf(api: ApiName, more: Partial<ChatRequest> = {}): Record<string, unknown> {
  const request = { ...REQUEST, api, ...more };
  const known = new RequestProfiles(false).of('m', api);
  const body = apiOf(request).body(request, request.form === undefined ? known : profileFor(known, request.form));
  return JSON.parse(body.map((piece) => (typeof piece === 'string' ? piece : '…')).join(''));
}

describe('the body of a request', () => {
  const responses = { model: 'm', max_output_tokens: 9, temperature: 0.5 };
  const completions = { model: 'm', max_tokens: 9, temperature: 0.5 };
  const user = (content: unknown): object => ({ role: 'user', content });

  it.each<[ApiName, Partial<ChatRequest>, object]>([
    ['responses', {}, { ...responses, input: 'Hi' }],
    ['responses', { system: 'Be brief.' }, { ...responses, instructions: 'Be brief.', input: 'Hi' }],
    ['responses', { input: [user('a')] }, { ...responses, input: [user('a')] }],
    [
      'responses',
      { schema: SCHEMA, form: { body: { text: { verbosity: 'low' }, seed: 7 } } },
      {
        ...responses,
        seed: 7,
        input: 'Hi',
        text: {
          format: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true },
          verbosity: 'low',
        },
      },
    ],
    [
      'responses',
      {
        attachments: [{ kind: 'image', mediaType: 'image/*', url: 'https://host/a.png' }],
        repair: { text: '{', length: 1, complaint: 'it is no JSON' },
      },
      {
        ...responses,
        input: [
          user([
            { type: 'input_text', text: 'Hi' },
            { type: 'input_image', detail: 'auto', image_url: 'https://host/a.png' },
          ]),
          { role: 'assistant', content: '{' },
          user(expect.stringContaining('it is no JSON')),
        ],
      },
    ],
    [
      'responses',
      { attachments: [streamed('image', 'image/png'), streamed('file', 'application/pdf')] },
      {
        ...responses,
        input: [
          user([
            { type: 'input_text', text: 'Hi' },
            { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,…' },
            { type: 'input_file', filename: 'document.pdf', file_data: 'data:application/pdf;base64,…' },
          ]),
        ],
      },
    ],
    [
      'responses',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image_url', image_url: { url: 'a.png', detail: 'low' } },
              { type: 'text', text: 'b' },
              { type: 'file', file: { path: 'c.pdf' } },
            ],
          },
        ],
        attachments: [
          streamed('image', 'image/png'),
          { kind: 'file', mediaType: 'application/pdf', name: 'c.pdf', url: 'https://host/c.pdf' },
        ],
      },
      {
        ...responses,
        input: [
          user([
            { type: 'input_image', detail: 'low', image_url: 'data:image/png;base64,…' },
            { type: 'input_text', text: 'b' },
            { type: 'input_file', file_url: 'https://host/c.pdf' },
          ]),
        ],
      },
    ],
    [
      'responses',
      {
        messages: [
          { role: 'system', content: 'S' },
          { role: 'user', content: [{ type: 'text', text: 'a' }, PICTURE, { type: 'file', file: { file_id: 'f' } }] },
          { role: 'assistant', content: null, tool_calls: [{ id: 'c', function: { name: 'f', arguments: '{}' } }] },
          { role: 'tool', tool_call_id: 'c', content: '7' },
          { role: 'assistant', content: [{ type: 'text', text: 'seven' }] },
        ],
      },
      {
        ...responses,
        input: [
          { role: 'system', content: 'S' },
          user([
            { type: 'input_text', text: 'a' },
            { type: 'input_image', detail: 'auto', image_url: 'https://host/a.png' },
            { type: 'input_file', file_id: 'f' },
          ]),
          { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
          { type: 'function_call_output', call_id: 'c', output: '7' },
          { role: 'assistant', content: [{ type: 'output_text', text: 'seven' }] },
        ],
      },
    ],
    ['responses', { form: { omit: ['max_output_tokens', 'temperature'] } }, { model: 'm', input: 'Hi' }],
    ['responses', { form: { body: { max_output_tokens: 3 } } }, { ...responses, max_output_tokens: 3, input: 'Hi' }],
    ['responses', { prompt: '', form: { body: { prompt: { id: 'p' } } } }, { ...responses, prompt: { id: 'p' } }],
    ['completions', {}, { ...completions, prompt: 'Hi' }],
    ['completions', { system: 'S' }, { ...completions, prompt: 'S\n\nHi' }],
    ['completions', { input: ['a', 'b'] }, { ...completions, prompt: ['a', 'b'] }],
    [
      'completions',
      { form: { rename: { max_tokens: 'n_predict' } } },
      { model: 'm', n_predict: 9, temperature: 0.5, prompt: 'Hi' },
    ],
    ['embeddings', {}, { model: 'm', input: 'Hi' }],
    [
      'embeddings',
      { inputs: ['a', 'b'], form: { body: { dimensions: 3 } } },
      { model: 'm', dimensions: 3, input: ['a', 'b'] },
    ],
    ['embeddings', { inputs: [[1, 2]] }, { model: 'm', input: [1, 2] }],
  ])('for %s from %j', (api, more, body) => {
    expect(bodyOf(api, more)).toEqual(body);
  });

  it('cannot have what the path has no place for', () => {
    const attachment = { kind: 'audio', mediaType: 'audio/*', url: 'https://host/a.wav' } as const;
    expect(() => bodyOf('responses', { attachments: [attachment] })).toThrow('the API takes a sound as a file here');
  });
});

describe('what a target refuses', () => {
  it('is learnt for the path that it was refused on', () => {
    const profiles = new RequestProfiles(false);
    const sent = profiles.of('m', 'responses');
    expect(profiles.learn('m', sent, 'max_output_tokens', 'responses')?.maxTokensField).toBeUndefined();
    expect(profiles.of('m', 'responses').maxTokensField).toBeUndefined();
    expect(profiles.of('m').maxTokensField).toBe('max_tokens');
    expect(profiles.lessons.map(({ text }) => text)).toEqual([
      'm: the endpoint refuses max_output_tokens; it is left out',
    ]);
  });

  it('is the number of inputs, if both halves were taken', () => {
    const profiles = new RequestProfiles(false);
    for (const refused of [32, 32, 64, 16]) profiles.learnInputs('m', refused);
    expect(profiles.mostInputs('m')).toBe(8);
    expect(profiles.lessons).toHaveLength(2);
  });
});

function parsed(api: ApiName, body: object | string, more: Partial<ChatRequest> = {}) {
  const request = { ...REQUEST, api, ...more };
  const asked: AskedFor = {
    read: (content) => apiOf(request).read(content, request),
    prompt: 'Hi',
    maxTokens: 9,
    acceptEmpty: false,
    context: () => ({}),
  };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return parseChatAnswer({ status: 200, headers: {}, text }, 1, asked);
}

const said = (text: string): object => ({ type: 'message', content: [{ type: 'output_text', text }] });
const USED = { input_tokens: 5, output_tokens: 3, total_tokens: 8 };
const vectors = (...list: unknown[]): object[] => list.map((embedding, index) => ({ index, embedding }));

describe('an answer', () => {
  it.each<[ApiName, object | string, object]>([
    [
      'responses',
      {
        status: 'completed',
        error: null,
        output: [{ type: 'reasoning', summary: [] }, said('a'), said('b')],
        usage: { ...USED, input_tokens_details: { cached_tokens: 4 }, output_tokens_details: { reasoning_tokens: 2 } },
      },
      {
        text: 'ab',
        finishReason: 'stop',
        promptTokens: 5,
        completionTokens: 3,
        totalTokens: 8,
        cachedTokens: 4,
        reasoningTokens: 2,
      },
    ],
    [
      'responses',
      { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [said('a')] },
      { text: 'a', finishReason: 'length' },
    ],
    [
      'responses',
      { status: 'incomplete', incomplete_details: { reason: 'content_filter' }, output: [said('a')] },
      { finishReason: 'content_filter', isFiltered: true },
    ],
    ['responses', { output: [{ type: 'function_call', name: 'f', arguments: '{}' }] }, { text: '' }],
    [
      'responses',
      `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response: { status: 'completed', output: [said('a')] } })}\n\n`,
      { text: 'a' },
    ],
    ['completions', { choices: [{ text: 'a', finish_reason: 'length' }] }, { text: 'a', finishReason: 'length' }],
    [
      'completions',
      'data: {"choices":[{"text":"a"}]}\n\ndata: {"choices":[{"text":"b","finish_reason":"stop"}]}\n\n',
      { text: 'ab' },
    ],
    [
      'embeddings',
      { data: vectors([0.5, -1]), usage: { prompt_tokens: 4, total_tokens: 4 } },
      { text: '', vectors: [[0.5, -1]], promptTokens: 4, completionTokens: 0, totalTokens: 4 },
    ],
    ['embeddings', { data: [{ index: 0, embedding: 'AACAPw==' }] }, { vectors: ['AACAPw=='], usageMissing: true }],
  ])('by %s: %j', (api, body, answer) => {
    expect(parsed(api, body)).toMatchObject(answer);
  });

  it('has its vectors in the order of the inputs', () => {
    const inputs = ['a', 'b'];
    const [first, second] = vectors([1], [2]);
    expect(parsed('embeddings', { data: [second, first] }, { inputs }).vectors).toEqual([[1], [2]]);
    // Indices that name no place each: as they come.
    expect(parsed('embeddings', { data: [{ embedding: [3] }, { embedding: [4] }] }, { inputs }).vectors).toEqual([
      [3],
      [4],
    ]);
  });

  it.each<[ApiName, object | string, object]>([
    [
      'responses',
      { output: [], status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
      { fault: 'item', message: expect.stringContaining('cut off at 9 tokens before it had any text') },
    ],
    [
      'responses',
      { output: [{ type: 'message', content: [{ type: 'refusal', refusal: 'No.' }] }] },
      { fault: 'item', message: 'the model refused: No.' },
    ],
    [
      'responses',
      { output: [], status: 'failed', error: { code: 'server_error', message: 'broke' } },
      { fault: 'attempt', message: expect.stringContaining('broke') },
    ],
    [
      'responses',
      { output: [], status: 'queued' },
      { fault: 'attempt', message: 'the model answered nothing (finish_reason: queued)' },
    ],
    ['responses', { choices: [{ message: { content: 'a' } }] }, { fault: 'attempt' }],
    ['completions', { choices: [{ message: { content: 'a' } }] }, { fault: 'attempt' }],
    ['completions', { choices: [{ text: ' ', finish_reason: 'stop' }] }, { isEmpty: true }],
    ['embeddings', { data: [] }, { code: 'BadResponse' }],
    ['embeddings', { data: vectors([1], [2]) }, { message: 'the answer has 2 vectors, and 1 were asked for' }],
    ['embeddings', '{"data":[{"embedding":[1e999]}]}', { code: 'BadResponse' }],
    ['embeddings', { data: vectors(['a']) }, { code: 'BadResponse' }],
    ['embeddings', { data: vectors([[1]]) }, { code: 'BadResponse' }],
    ['embeddings', { data: vectors('no base64!') }, { code: 'BadResponse' }],
  ])('by %s is none: %j', (api, body, error) => {
    expect(() => parsed(api, body)).toThrow(expect.objectContaining(error));
  });

  it('by responses has its calls of tools, its reasoning and its refusal', () => {
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' };
    const refusal = { type: 'message', content: [{ type: 'refusal', refusal: 'Not that.' }] };
    const thought = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'so' }] };
    const whole = { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'hm' }], summary: [{ text: 'x' }] };
    const body = { output: [thought, whole, call, refusal, said('a'), 7] };
    expect(extrasOf(body)).toEqual({ tool_calls: [call] });
    expect(thoughtsOf(body)).toEqual({ refusal: 'Not that.', reasoning: 'so\nhm' });
    expect(extrasOf({ output: [said('a')] })).toEqual({});
  });
});

it.each<[ApiName, string, Readonly<Record<string, unknown>>, boolean]>([
  ['embeddings', 'text-embedding-3-small', {}, true],
  ['embeddings', 'bge-m3', {}, true],
  ['embeddings', 'bge-reranker-v2', {}, false],
  ['embeddings', 'house', { type: 'embedding' }, true],
  ['embeddings', 'gpt-5', {}, false],
  ['responses', 'gpt-5', {}, true],
  ['responses', 'bge-m3', {}, false],
  ['completions', 'babbage-002', {}, true],
  ['completions', 'qwen3', {}, true],
])('%s: the listed model %s %j may be asked: %s', (api, id, fields, may) => {
  expect(canBeAsked(api, id, fields)).toBe(may);
});
