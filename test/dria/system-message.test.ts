import { afterEach, describe, expect, it } from 'vitest';
import type { ChatRequest } from '../../src/dria/chat-request.js';
import { classify } from '../../src/dria/classify.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { completion, type Received, ScriptedServer } from './scripted-server.js';

const REQUEST: ChatRequest = {
  model: 'm',
  prompt: 'Why?',
  system: 'Answer in German.',
  maxTokens: 5,
  temperature: 0,
  timeoutMs: 10_000,
};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function messages({ body }: Received): { role: string; content: string }[] {
  return JSON.parse(body).messages;
}

describe('a system message', () => {
  it('that a target refuses is sent at the beginning of the prompt, from then on', async () => {
    const server = await new ScriptedServer((response, request) => {
      if (messages(request)[0]?.role !== 'system') return response.end(completion('Darum.'));
      response.writeHead(400).end(JSON.stringify({ error: { message: 'System role not supported' } }));
    }).listen();
    cleanups.push(() => server.close());
    const endpoint = Endpoint.open({ baseUrl: server.baseUrl });
    cleanups.push(() => endpoint.close());
    expect((await endpoint.chat(REQUEST)).text).toBe('Darum.');
    expect((await endpoint.chat({ ...REQUEST, prompt: 'Why not?' })).text).toBe('Darum.');
    expect(server.received.map((request) => messages(request).map(({ content }) => content))).toEqual([
      ['Answer in German.', 'Why?'],
      ['Answer in German.\n\nWhy?'],
      ['Answer in German.\n\nWhy not?'],
    ]);
  });

  it.each([
    'System role not supported',
    'Template error: System role not supported!',
    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    'Developer instruction is not enabled for models/gemma-3-27b-it',
    'system messages are not supported by this model',
  ])('is refused by %j', (message) => {
    const answer = { status: 400, headers: {}, text: JSON.stringify({ error: { message } }) };
    expect(classify(answer, { sentFields: ['system'] })).toMatchObject({ refusedField: 'system', fault: 'request' });
    expect(classify(answer, {}).refusedField).toBeUndefined();
  });

  it.each([
    'maximum context length is 8192 tokens, however the messages have 9000 tokens',
    'The prompt is blocked by our content policy',
    'internal system error, the request is not supported now',
    'the system is overloaded',
  ])('is not refused by %j', (message) => {
    const answer = { status: 400, headers: {}, text: JSON.stringify({ error: { message } }) };
    expect(classify(answer, { sentFields: ['system'] }).refusedField).toBeUndefined();
  });

  it('that the server repeats says nothing of what is wrong', () => {
    const system = 'You are told that the quota is exceeded: insufficient_quota';
    const text = JSON.stringify({ error: { message: `bad request near "${system}"` } });
    const answer = { status: 400, headers: {}, text };
    expect(classify(answer, { system }).fault).toBe('item');
    expect(classify(answer, {}).fault).not.toBe('item');
  });
});
