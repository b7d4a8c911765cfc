import { describe, expect, test } from 'vitest';
import { promptHash } from '../../src/simulator/chat-request.js';
import { ask, dig, prompts, simulator, statuses, textOf } from './harness.js';

describe('an answer', () => {
  test('belongs to its prompt and is the same every time', async () => {
    const network = await simulator();
    const first = await textOf(await ask(network, 'Why is the sky blue?'));
    expect(first).toContain(promptHash('Why is the sky blue?'));
    expect(first).toContain('Why is the sky blue?');
    expect(await textOf(await ask(network, 'Why is the sky blue?'))).toBe(first);
    expect(await textOf(await ask(network, 'Why is grass green?'))).not.toBe(first);
  });

  test('has the form of Dria’s API', async () => {
    const response = await ask(await simulator(), 'Hello');
    expect(await response.json()).toMatchObject({
      id: expect.stringMatching(/^gen-/),
      model: 'qwen3.5:9b',
      choices: [{ message: { role: 'assistant' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 2 },
      metadata: { node_id: expect.stringMatching(/^sim-qwen3.5:9b-\d+$/) },
    });
  });

  test('is cut at max_tokens, and says so', async () => {
    const response = await ask(await simulator({ answerTokens: 500 }), 'Hello', { body: { max_tokens: 10 } });
    const body: unknown = await response.json();
    expect(dig(body, 'choices', 0, 'finish_reason')).toBe('length');
    expect(dig(body, 'choices', 0, 'message', 'content')).toHaveLength(40);
    expect(dig(body, 'usage')).toEqual({ prompt_tokens: 2, completion_tokens: 10, total_tokens: 12 });
  });

  test('is as long as it was asked to be', async () => {
    const body: unknown = await (await ask(await simulator({ answerTokens: 500 }), 'Hello')).json();
    expect(dig(body, 'usage', 'completion_tokens')).toBe(500);
    expect(dig(body, 'choices', 0, 'finish_reason')).toBe('stop');
  });

  test('is a small object when any JSON is asked for', async () => {
    const text = await textOf(
      await ask(await simulator(), 'Hi', { body: { response_format: { type: 'json_object' } } }),
    );
    expect(JSON.parse(String(text))).toEqual({ simulated: true, prompt: promptHash('Hi') });
  });
});

describe('the key', () => {
  test('may be any when none is named, but not missing', async () => {
    const network = await simulator();
    expect((await ask(network, 'Hi', { key: 'anything' })).status).toBe(200);
    const refused = await ask(network, 'Hi', { key: '' });
    expect(refused.status).toBe(401);
    expect(await refused.text()).toBe('invalid API key');
  });

  test('must be one of those that are named, for the models list too', async () => {
    const network = await simulator({ keys: ['good'] });
    expect((await ask(network, 'Hi', { key: 'good' })).status).toBe(200);
    expect((await ask(network, 'Hi', { key: 'bad' })).status).toBe(401);
    expect((await fetch(`${network.url}/models`, { headers: { authorization: 'Bearer bad' } })).status).toBe(401);
  });

  test('is not asked for when the network is anonymous', async () => {
    expect((await ask(await simulator({ anonymous: true }), 'Hi', { key: '' })).status).toBe(200);
  });
});

describe('a request that cannot be answered', () => {
  const post = (url: string, body: string) =>
    fetch(`${url}/chat/completions`, { method: 'POST', headers: { authorization: 'Bearer k' }, body });

  test('is a 400 when it is not JSON or not a chat request', async () => {
    const { url } = await simulator();
    expect((await post(url, '{"model":')).status).toBe(400);
    const response = await post(url, '{"model":"qwen3.5:9b"}');
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('messages');
  });

  test('is a 413 when it is over the limit', async () => {
    const { url } = await simulator({ maxBodyBytes: 1000 });
    expect((await post(url, 'x'.repeat(200_000))).status).toBe(413);
  });

  test('is a 400 when prompt and max_tokens are over the context of the model', async () => {
    const network = await simulator({ models: [{ id: 'small', nodes: 1, context: 100 }] });
    expect((await ask(network, 'x'.repeat(200), { model: 'small', body: { max_tokens: 50 } })).status).toBe(200);
    const response = await ask(network, 'x'.repeat(204), { model: 'small', body: { max_tokens: 50 } });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('context of 100 tokens');
  });

  test('is a 400 when it asks for a stream', async () => {
    expect((await ask(await simulator(), 'Hi', { body: { stream: true } })).status).toBe(400);
  });

  test('is a 503 when nobody serves the model', async () => {
    const network = await simulator({ models: [{ id: 'empty', nodes: 0 }] });
    for (const model of ['empty', 'unknown']) {
      const response = await ask(network, 'Hi', { model });
      expect(response.status).toBe(503);
      expect(await response.text()).toBe('no nodes available for the requested model');
    }
  });

  test('takes its latency or more, however busy the process is', async () => {
    const network = await simulator({ latency: { kind: 'fixed', ms: 20 } });
    await Promise.all(prompts(500).map(async (prompt) => (await ask(network, prompt)).text()));
    const records = (await (await fetch(new URL('/_sim/requests', network.url))).text()).trim().split('\n');
    const times = records.map((record) => Number(dig(JSON.parse(record), 'latencyMs')));
    expect(times).toHaveLength(500);
    expect(times.filter((ms) => !(ms >= 20))).toEqual([]);
  });

  test('is a 504 when the answer takes longer than timeout_secs', async () => {
    const network = await simulator({ latency: { kind: 'fixed', ms: 60_000 } });
    expect(await statuses(network, ['Hi'], { body: { timeout_secs: 0.02 } })).toEqual([504]);
  });

  test('is a 404 at an address that there is not', async () => {
    expect((await fetch(`${(await simulator()).url}/rerank`, { method: 'POST' })).status).toBe(404);
  });
});
