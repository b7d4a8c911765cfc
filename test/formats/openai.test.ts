import { describe, expect, test } from 'vitest';
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
