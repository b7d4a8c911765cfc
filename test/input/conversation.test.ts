import { describe, expect, it } from 'vitest';
import { parseLine } from '../../src/input/parse-line.js';

function parsed(line: object) {
  return parseLine(Buffer.from(JSON.stringify(line)));
}

function problems(line: object): string[] {
  const read = parsed(line);
  return read.ok ? [] : read.problems.map(({ field = '', message }) => `${field}: ${message}`);
}

const part = (content: object) => ({ role: 'user', content: [content] });

const USER = { role: 'user', content: 'Why is the sky blue?' };

describe('an item with messages', () => {
  it('has their texts in the place of a prompt', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'https://a.b/c.png' } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [{ id: 'a' }] },
      { role: 'tool', tool_call_id: 'a', content: 'a cat' },
    ];
    expect(parsed({ id: 'a', messages })).toEqual({
      ok: true,
      value: { id: 'a', messages, prompt: 'Be brief.\nWhat is this?\na cat' },
    });
  });

  it('may set what is the run’s otherwise', () => {
    const line = { messages: [USER], model: 'm', max_tokens: 5, temperature: 0, body: { seed: 7 } };
    expect(parsed(line)).toMatchObject({ ok: true, value: line });
    expect(parsed({ prompt: 'a', max_tokens: null, body: { n: 2 } })).toMatchObject({
      ok: true,
      value: { body: { n: 2 } },
    });
  });

  it.each([
    [{ messages: [] }, 'messages: '],
    [{ messages: 'hi' }, 'messages: '],
    [{ messages: [{ content: 'hi' }] }, 'messages: '],
    [{ messages: [USER], prompt: 'hi' }, 'messages: an item has a prompt or messages, not both'],
    [{ messages: [USER], attachment: 'a.png' }, 'attachment: goes with a prompt'],
    [{ messages: [USER], body: { stream: true } }, 'body: stream: answers are taken whole'],
    [{ messages: [USER], body: { model: 'x' } }, 'body: model is chosen by'],
    [{ id: 'a' }, 'prompt: missing'],
    [{ messages: [USER], attachments: ['a.png'] }, 'attachments: goes with a prompt'],
    [
      { messages: [USER, part({ type: 'input_audio', input_audio: { data: 'sounds/a.wav', format: 'wav' } })] },
      'messages: message 2 has "sounds/a.wav" as "data", which is no base64: name a file by "path"',
    ],
    [
      { messages: [part({ type: 'file', file: { file_data: 'a.pdf' } })] },
      'messages: message 1 has "a.pdf" as "file_data", which is no base64: name a file by "path"',
    ],
    [{ prompt: 'a', attachments: 'a.png' }, 'attachments: must be a list of up to 1,000 paths and URLs'],
    [{ prompt: 'a', attachments: ['a.png', 5] }, 'attachments: must be a list'],
    [{ prompt: 'a', schema: 5 }, 'schema: must be a JSON Schema or its short form'],
    [{ messages: [USER], temperature: 3 }, 'temperature: '],
    [{ messages: [USER], max_tokens: 0 }, 'max_tokens: '],
  ])('is refused with what is wrong: %j', (line, problem) => {
    expect(problems(line)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('a line made for OpenAI’s batches', () => {
  const BODY = { model: 'gpt-4o-mini', messages: [USER], max_tokens: 9, seed: 1 };

  it.each([
    { custom_id: 'r-1', method: 'POST', url: '/v1/chat/completions', body: BODY },
    { custom_id: 'r-1', url: 'https://api.openai.com/v1/chat/completions', body: BODY },
    { custom_id: 'r-1', body: BODY, error: '500: no' },
  ])('is an item whose request has the whole body: %j', (line) => {
    expect(parsed(line)).toMatchObject({
      ok: true,
      value: {
        id: 'r-1',
        model: 'gpt-4o-mini',
        messages: [USER],
        body: { max_tokens: 9, seed: 1 },
        prompt: 'Why is the sky blue?',
      },
    });
  });

  it.each([
    [{ custom_id: 'a', method: 'GET', url: '/v1/chat/completions', body: BODY }, 'method: must be POST, not "GET"'],
    [{ custom_id: 'a', url: '/v1/rerank', body: { input: 'x' } }, 'url: must be /v1/chat/completions'],
    [{ custom_id: 'a', url: '/v1/embeddings', body: { model: 'm' } }, 'body: has no input'],
    [{ custom_id: 'a', url: '/v1/chat/completions', body: { model: 'm' } }, 'body: has no messages'],
    [{ custom_id: 'a', url: '/v1/chat/completions', body: 'x' }, 'body: '],
    [{ custom_id: 'a', body: { ...BODY, stream: true } }, 'body: stream: '],
  ])('is refused with what is wrong: %j', (line, problem) => {
    expect(problems(line)).toEqual([expect.stringContaining(problem)]);
  });
});
