import { parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import type { ApiName } from '../../src/batch/api.js';
import type { AnswerFacts } from '../../src/batch/part-facts.js';
import { type Rendering, renderedAs } from './formats-world.js';

async function linesOf(rendering: Rendering): Promise<Record<string, unknown>[]> {
  const text = String(await renderedAs('openai', rendering));
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

describe("results as OpenAI's Batch API has them", () => {
  test('have an answer as a whole chat completion', async () => {
    const line = {
      id: 7,
      model: 'm',
      output: 'x',
      tokens: 5,
      prompt_tokens: 2,
      completion_tokens: 3,
      finish_reason: 'length',
      attempts: 1,
    };
    const facts = {
      run: 'nightly',
      page: async () => ({ facts: new Map<number, AnswerFacts>([[0, { at: 1_800_000_000_900 }]]), end: 1 }),
    };
    expect(await linesOf({ lines: [line], facts })).toEqual([
      {
        id: 'batch_req_nightly-1',
        custom_id: '7',
        response: {
          status_code: 200,
          request_id: 'nightly-1',
          body: {
            id: 'chatcmpl-nightly-1',
            object: 'chat.completion',
            created: 1_800_000_000,
            model: 'm',
            choices: [
              {
                index: 0,
                message: { role: 'assistant', content: 'x', refusal: null },
                logprobs: null,
                finish_reason: 'length',
              },
            ],
            usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
          },
        },
        error: null,
        attempts: 1,
      },
    ]);
  });

  test.each<[AnswerFacts | undefined, string | null]>([
    [{ at: 1 }, 'stop'],
    [{ truncated: true }, 'length'],
    [{ filtered: true }, 'content_filter'],
    [undefined, null],
  ])('take the reason of an end from the facts %j: %s', async (known, reason) => {
    const page = async () => ({ facts: new Map(known === undefined ? [] : [[0, known]]), end: 1 });
    const lines = [{ id: 'a', model: 'm', output: 'x', parsed: { n: 1 }, tokens: 5 }];
    expect(await linesOf({ lines, facts: { run: 'r', page } })).toMatchObject([
      {
        response: {
          body: { choices: [{ finish_reason: reason, message: { parsed: { n: 1 } } }], usage: { total_tokens: 5 } },
        },
      },
    ]);
  });

  test('ask for facts a page at a time', async () => {
    const asked: number[] = [];
    const page = async (item: number) => {
      asked.push(item);
      return { facts: new Map([[item + 1, { truncated: true }]]), end: item + 2 };
    };
    const lines = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, model: 'm', output: 'x', tokens: 1 }));
    const reasons = (await linesOf({ lines, facts: { run: 'r', page } })).map((line) =>
      JSON.stringify(line).includes('"length"'),
    );
    expect([asked, reasons]).toEqual([
      [0, 2, 4],
      [false, true, false, true, false],
    ]);
  });

  test.each([
    [
      '503: no nodes available',
      { status_code: 503, body: { error: { message: 'no nodes available', code: '503' } } },
      { code: '503', message: 'no nodes available' },
    ],
    ['timeout: no answer in 120 s', null, { code: 'timeout', message: 'no answer in 120 s' }],
    ['invalid output: not "JSON"', null, { code: 'invalid output', message: 'not "JSON"' }],
    ['broken', null, { code: 'error', message: 'broken' }],
  ])(
    'have the failure %j as an error, and a response if an HTTP status failed it',
    async (error, response, expected) => {
      const [line] = await linesOf({ lines: [{ id: 'a', model: null, error }] });
      expect(line).toMatchObject({ custom_id: 'a', response, error: expected });
    },
  );
});

describe('results of another path', () => {
  const bodyOf = async (api: ApiName, line: object, facts: AnswerFacts = {}): Promise<unknown> => {
    const page = async () => ({ facts: new Map<number, AnswerFacts>([[0, { at: 5_000, ...facts }]]), end: 1 });
    const [found] = await linesOf({ lines: [{ id: 1, model: 'm', ...line }], facts: { run: 'r', page }, api });
    return found;
  };

  test.each<[ApiName, object, AnswerFacts, object]>([
    [
      'responses',
      { output: 'x', parsed: { a: 1 }, tokens: 5, prompt_tokens: 2, completion_tokens: 3 },
      {},
      {
        id: 'resp-r-1',
        object: 'response',
        created_at: 5,
        status: 'completed',
        error: null,
        incomplete_details: null,
        model: 'm',
        output: [
          {
            id: 'msg-r-1',
            type: 'message',
            status: 'completed',
            role: 'assistant',
            content: [{ type: 'output_text', text: 'x', annotations: [], logprobs: [], parsed: { a: 1 } }],
          },
        ],
        usage: { input_tokens: 2, output_tokens: 3, total_tokens: 5 },
      },
    ],
    [
      'completions',
      { output: 'x', tokens: 5 },
      { truncated: true },
      {
        id: 'cmpl-r-1',
        object: 'text_completion',
        created: 5,
        model: 'm',
        choices: [{ index: 0, text: 'x', logprobs: null, finish_reason: 'length' }],
        usage: { total_tokens: 5 },
      },
    ],
    [
      'embeddings',
      { embedding: [0.5, -1e-7], tokens: 5 },
      {},
      {
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: [0.5, -1e-7] }],
        model: 'm',
        usage: { prompt_tokens: 5, total_tokens: 5 },
      },
    ],
    [
      'embeddings',
      { embeddings: [[1], 'AAAA'], tokens: 5 },
      {},
      {
        object: 'list',
        data: [
          { object: 'embedding', index: 0, embedding: [1] },
          { object: 'embedding', index: 1, embedding: 'AAAA' },
        ],
        model: 'm',
        usage: { prompt_tokens: 5, total_tokens: 5 },
      },
    ],
  ])('have the body of %s: %j', async (api, line, facts, body) => {
    expect(await bodyOf(api, line, facts)).toMatchObject({ response: { status_code: 200, body }, error: null });
    expect(Object.keys(Object(await bodyOf(api, line, facts)))).toEqual(['id', 'custom_id', 'response', 'error']);
  });

  test.each<[object, AnswerFacts, object]>([
    [
      { output: 'x' },
      { truncated: true },
      { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    ],
    [{ output: 'x' }, { filtered: true }, { status: 'incomplete', incomplete_details: { reason: 'content_filter' } }],
    [{ output: '', tool_calls: [{ type: 'function_call' }] }, {}, { output: [{ type: 'function_call' }] }],
    [
      { output: 'x', tool_calls: [{ type: 'function_call' }] },
      {},
      { output: [{ type: 'function_call' }, { type: 'message' }] },
    ],
  ])('say how a response ended: %j %j', async (line, facts, body) => {
    expect(await bodyOf('responses', { ...line, tokens: 5 }, facts)).toMatchObject({ response: { body } });
  });
});

test('vectors are a column of lists, in the place of the text', async () => {
  const lines = [
    { id: 1, model: 'm', embedding: [0.5, -1], tokens: 2 },
    { id: 2, model: 'm', error: '400: too long' },
  ];
  expect(String(await renderedAs('csv', { lines, api: 'embeddings' }))).toBe(
    'id,model,embedding,error,tokens\r\n1,m,"[0.5,-1]",,2\r\n2,m,,400: too long,\r\n',
  );
  const file = Uint8Array.from(await renderedAs('parquet', { lines, api: 'embeddings' })).buffer;
  expect(await parquetReadObjects({ file })).toMatchObject([{ embedding: [0.5, -1] }, { error: '400: too long' }]);
});
