import { expect, test, vi } from 'vitest';
import { RateLimiter } from '../../src/simulator/limits.js';
import { ask, prompts, sim, simulator, statuses } from './harness.js';

test('credits run out with 402, and go on when there are more', async () => {
  const network = await simulator({ credits: 2 });
  expect(await statuses(network, prompts(3))).toEqual([200, 200, 402]);
  expect(await sim(network, 'POST', 'credits', { add: 100 })).toEqual({ balance: 100, balance_usdc: '1.00' });
  expect(await statuses(network, ['Hi'])).toEqual([200]);
  const headers = { authorization: 'Bearer k' };
  const balance: unknown = await (await fetch(`${network.url}/credits/balance`, { headers })).json();
  expect(balance).toEqual({ balance: 99, balance_usdc: '0.99' });
});

test('an answer that did not come costs no credit', async () => {
  const network = await simulator({ credits: 1, faults: [{ rate: 1, model: 'qwen3.5:2b', respond: { status: 500 } }] });
  expect(await statuses(network, ['a', 'b'], { model: 'qwen3.5:2b' })).toEqual([500, 500]);
  expect(await statuses(network, ['a', 'b'])).toEqual([200, 402]);
});

test('a key over its rate gets 429 with the seconds to wait, and another key does not', async () => {
  const network = await simulator({ rateLimit: { perSecond: 0.01, burst: 2 } });
  expect(await statuses(network, prompts(2))).toEqual([200, 200]);
  const refused = await ask(network, 'Hi');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(90);
  expect(await statuses(network, ['Hi'], { key: 'another' })).toEqual([200]);
});

test('the bucket of a rate limit fills again with time, up to the burst', () => {
  const limiter = new RateLimiter({ perSecond: 2, burst: 2 });
  expect([0, 0, 0].map((ms) => limiter.take('k', ms))).toEqual([0, 0, 1]);
  expect([500, 500].map((ms) => limiter.take('k', ms))).toEqual([0, 1]);
  expect([60_000, 60_000, 60_000].map((ms) => limiter.take('k', ms))).toEqual([0, 0, 1]);
});

test('a model whose nodes are all busy answers 503 and is free again afterwards', async () => {
  const network = await simulator({
    models: [{ id: 'busy', nodes: 2 }],
    maxInFlightPerNode: 1,
    latency: { kind: 'fixed', ms: 60_000 },
  });
  const inFlight = (n: number) =>
    vi.waitFor(async () => expect(await sim(network, 'GET', 'stats')).toMatchObject({ inFlight: n }));
  const leave = new AbortController();
  const busy = ['a', 'b'].map((prompt) => ask(network, prompt, { model: 'busy', signal: leave.signal }));
  const left = Promise.allSettled(busy);
  await inFlight(2);
  const refused = await ask(network, 'c', { model: 'busy' });
  expect([refused.status, await refused.text()]).toEqual([503, 'no nodes available: all are at capacity']);
  leave.abort();
  await left;
  await inFlight(0);
  // A node took it and did not get it done in the time given: a 504 and no 503.
  expect(await statuses(network, ['d'], { model: 'busy', body: { timeout_secs: 0.01 } })).toEqual([504]);
});
