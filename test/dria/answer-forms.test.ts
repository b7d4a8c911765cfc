import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChatRequest } from '../../src/dria/chat-request.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { completion, type Script, ScriptedServer } from './scripted-server.js';

const REQUEST: ChatRequest = { model: 'm', prompt: 'hi', maxTokens: 5, temperature: 0, timeoutMs: 10_000 };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function ask(script: Script) {
  const server = await new ScriptedServer(script).listen();
  cleanups.push(() => server.close());
  const endpoint = Endpoint.open({ baseUrl: server.baseUrl });
  cleanups.push(() => endpoint.close());
  return endpoint.chat(REQUEST);
}

const sends =
  (body: Buffer | string, headers: Record<string, string> = {}): Script =>
  (response) =>
    response.writeHead(200, headers).end(body);

const JSON_BODY = completion('é');

describe('an answer that nobody asked to be packed is read all the same', () => {
  it.each<[string, Buffer | string, Record<string, string>]>([
    ['gzip', gzipSync(JSON_BODY), { 'content-encoding': 'gzip' }],
    ['gzip, not named', gzipSync(JSON_BODY), {}],
    ['deflate', deflateSync(JSON_BODY), { 'content-encoding': 'deflate' }],
    ['deflate, raw', deflateRawSync(JSON_BODY), { 'content-encoding': 'deflate' }],
    ['br', brotliCompressSync(JSON_BODY), { 'content-encoding': 'br' }],
    ['two, one after the other', brotliCompressSync(gzipSync(JSON_BODY)), { 'content-encoding': 'gzip, br' }],
    ['named and not done', JSON_BODY, { 'content-encoding': 'gzip' }],
    ['identity', JSON_BODY, { 'content-encoding': 'identity' }],
    ['a byte-order mark', `\ufeff${JSON_BODY}`, {}],
  ])('%s', async (_, body, headers) => {
    expect(await ask(sends(body, headers))).toMatchObject({ text: 'é', totalTokens: 7 });
  });

  it('but not if it unpacks to more than an answer may have', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    await expect(ask(sends(bomb, { 'content-encoding': 'gzip' }))).rejects.toMatchObject({ code: 'BadResponse' });
  });
});

const events = (...list: object[]) => list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
const delta = (content: string, more: object = {}) => ({ choices: [{ delta: { content }, ...more }] });

describe('an event stream that nobody asked for', () => {
  it.each<[string, string, object]>([
    [
      'is joined',
      `${events(delta('a'), delta('b'), delta('', { finish_reason: 'stop' }), { choices: [], usage: { total_tokens: 9 } })}data: [DONE]\n\n`,
      { text: 'ab', finishReason: 'stop', totalTokens: 9 },
    ],
    [
      'with comments and event names is joined',
      `: OPENROUTER PROCESSING\n\nevent: message\n${events(delta('a', { finish_reason: 'length' }))}`,
      { text: 'a', finishReason: 'length' },
    ],
    [
      'with a whole message is read',
      events({ choices: [{ message: { content: 'whole' }, finish_reason: 'stop' }] }),
      { text: 'whole' },
    ],
  ])('%s', async (_, body, expected) => {
    expect(await ask(sends(body, { 'content-type': 'text/event-stream' }))).toMatchObject(expected);
  });

  it('without an end is no answer', async () => {
    await expect(ask(sends(events(delta('a'))))).rejects.toMatchObject({ code: 'BadResponse', fault: 'attempt' });
  });

  it('with an error in it is that error', async () => {
    const body = events(delta('a'), { error: { message: 'upstream down', code: 502 } });
    await expect(ask(sends(body))).rejects.toMatchObject({ code: 'ServerError', status: 502 });
  });
});

describe('an error inside a 200', () => {
  it.each<[string, object]>([
    ['[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]', { code: 'RateLimited', status: 429 }],
    ['{"error":{"message":"busy","type":"rate_limit_error"}}', { code: 'RateLimited', status: 429 }],
    ['{"error":{"message":"too long","code":"context_length_exceeded"}}', { code: 'InvalidRequest', fault: 'item' }],
    ['{"error":{"message":"overloaded","code":503}}', { code: 'NoNodesAvailable', status: 503 }],
    ['{"object":"error","message":"The model `m` does not exist.","code":404}', { code: 'ModelUnavailable' }],
    ['{"error":"no credits","status":402}', { code: 'PaymentRequired' }],
    [
      '{"error":{"message":"x","code":"model_error"}}',
      { code: 'BadResponse', fault: 'attempt', message: 'the answer is an error: x' },
    ],
    ['{"error":{"code":7}}', { code: 'BadResponse', message: 'the answer is an error: {"code":7}' }],
    ['{"error":true}', { code: 'BadResponse', message: 'the answer is an error: true' }],
  ])('%s', async (body, expected) => {
    await expect(ask(sends(body))).rejects.toMatchObject(expected);
  });

  it.each(['null', '""', 'false'])('is not in one whose error is %s', async (nothing) => {
    const body = completion('x').replace('{', `{"error":${nothing},`);
    expect((await ask(sends(body))).text).toBe('x');
  });
});
