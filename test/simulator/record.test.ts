import { expect, test, vi } from 'vitest';
import { promptHash } from '../../src/simulator/chat-request.js';
import type { Simulator } from '../../src/simulator/server.js';
import { ask, dig, PNG, prompts, sim, simulator, statuses } from './harness.js';

async function recorded({ url }: Simulator): Promise<unknown[]> {
  const text = await (await fetch(`${url}/_sim/requests`)).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line));
}

test('each request is recorded with what it asked and never with its key', async () => {
  const network = await simulator();
  const content = [
    { type: 'text', text: 'x'.repeat(100) },
    { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
  ];
  await (await ask(network, content, { key: 'dria-secret', body: { max_tokens: 7, timeout_secs: 3 } })).text();
  const records = await recorded(network);
  expect(records).toEqual([
    {
      n: 1,
      at: expect.any(Number),
      keyHash: expect.stringMatching(/^[0-9a-f]{12}$/),
      model: 'qwen3.5:9b',
      promptHash: promptHash('x'.repeat(100)),
      prompt: 'x'.repeat(80),
      attachment: { kind: 'image', bytes: 70, sha256: expect.stringMatching(/^[0-9a-f]{16}$/) },
      maxTokens: 7,
      temperature: 0.7,
      timeoutSecs: 3,
      hasSchema: false,
      messages: 1,
      fields: ['model', 'messages', 'max_tokens', 'timeout_secs'],
      status: 200,
      answered: true,
      endedAt: expect.any(Number),
      latencyMs: expect.any(Number),
    },
  ]);
  expect(JSON.stringify(records)).not.toContain('secret');
});

test('the counts say what came, what was answered and how much at once', async () => {
  const network = await simulator({ latency: { kind: 'fixed', ms: 800 } });
  await Promise.all(prompts(8).map(async (prompt) => (await ask(network, prompt)).text()));
  await statuses(network, ['Hi'], { model: 'unknown' });
  const stats = await sim(network, 'GET', 'stats');
  expect(stats).toMatchObject({
    requests: 9,
    answered: 8,
    byStatus: { 200: 8, 503: 1 },
    byModel: { 'qwen3.5:9b': { 200: 8 }, unknown: { 503: 1 } },
    inFlight: 0,
    maxInFlight: 8,
    recorded: 9,
  });
  expect(Number(dig(stats, 'lastAnswerAt')) - Number(dig(stats, 'firstRequestAt'))).toBeGreaterThanOrEqual(799);
});

test('requests one after another on many connections are never counted as two at once', async () => {
  const network = await simulator();
  await Promise.all(prompts(4).map(async (prompt) => (await ask(network, prompt)).text()));
  await sim(network, 'POST', 'reset');
  await statuses(network, prompts(200));
  expect(await sim(network, 'GET', 'stats')).toMatchObject({ answered: 200, maxInFlight: 1 });
});

test('a client that leaves is no longer in flight', async () => {
  const network = await simulator({ rules: [{ respond: { kind: 'hang' } }] });
  const leave = new AbortController();
  const asked = ask(network, 'Hi', { signal: leave.signal }).catch(() => 'left');
  await vi.waitFor(async () => expect(dig(await sim(network, 'GET', 'stats'), 'inFlight')).toBe(1));
  leave.abort();
  expect(await asked).toBe('left');
  await vi.waitFor(async () =>
    expect(await sim(network, 'GET', 'stats')).toMatchObject({ inFlight: 0, answered: 0, byStatus: { left: 1 } }),
  );
});

test('a broken answer is a 200 that was not answered', async () => {
  const network = await simulator({ rules: [{ respond: { kind: 'html' } }] });
  await statuses(network, ['Hi']);
  expect(await sim(network, 'GET', 'stats')).toMatchObject({ requests: 1, answered: 0, byStatus: { 200: 1 } });
});

test('a reset of the record starts its counts anew', async () => {
  const network = await simulator();
  await statuses(network, prompts(3));
  await sim(network, 'POST', 'reset');
  expect(await recorded(network)).toEqual([]);
  expect(await sim(network, 'GET', 'stats')).toEqual({
    requests: 0,
    answered: 0,
    byStatus: {},
    byModel: {},
    inFlight: 0,
    maxInFlight: 0,
    recorded: 0,
  });
});

test('without a record, and over its limit, requests are still counted', async () => {
  const without = await simulator({ record: false });
  await statuses(without, prompts(3));
  expect(await recorded(without)).toEqual([]);
  expect(await sim(without, 'GET', 'stats')).toMatchObject({ requests: 3, answered: 3, recorded: 0 });
  const limited = await simulator({ recordLimit: 2 });
  await statuses(limited, prompts(3));
  expect(await sim(limited, 'GET', 'stats')).toMatchObject({ requests: 3, recorded: 2 });
});
