import { describe, expect, test } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import { ask, prompts, sim, simulator, statuses, textOf } from './harness.js';

type RuleInput = NonNullable<SimulatorOptions['rules']>[number];
const always = (respond: RuleInput['respond']) => simulator({ rules: [{ respond }] });

describe('a scripted response', () => {
  test('may be any error, with Dria’s text or another', async () => {
    const plain = await ask(await always({ status: 502 }), 'Hi');
    expect([plain.status, await plain.text()]).toEqual([502, 'bad gateway']);
    const named = await ask(await always({ status: 500, message: 'out of memory' }), 'Hi');
    expect([named.status, await named.text()]).toEqual([500, 'out of memory']);
  });

  test('says Retry-After in seconds, as a date, or as nonsense', async () => {
    const seconds = await ask(await always({ status: 429, retryAfterSecs: 7 }), 'Hi');
    expect(seconds.headers.get('retry-after')).toBe('7');
    const date = await ask(await always({ status: 429, retryAfterSecs: 60, retryAfterForm: 'date' }), 'Hi');
    const waitMs = Date.parse(date.headers.get('retry-after') ?? '') - Date.now();
    expect(waitMs).toBeGreaterThan(55_000);
    expect(waitMs).toBeLessThanOrEqual(61_000);
    const nonsense = await ask(await always({ status: 429, headers: { 'retry-after': 'soon' } }), 'Hi');
    expect(nonsense.headers.get('retry-after')).toBe('soon');
  });

  test('may cut the connection, before the answer or in it', async () => {
    await expect(ask(await always({ kind: 'reset' }), 'Hi')).rejects.toThrow('fetch failed');
    const truncated = await ask(await always({ kind: 'truncated' }), 'Hi');
    expect(truncated.status).toBe(200);
    await expect(truncated.text()).rejects.toThrow('terminated');
  });

  test('may be none at all', async () => {
    const network = await always({ kind: 'hang' });
    const stopped = ask(network, 'Hi', { signal: AbortSignal.timeout(200) });
    await expect(stopped).rejects.toThrow('aborted due to timeout');
  });

  test('may be a 200 that is no answer', async () => {
    const page = await ask(await always({ kind: 'html' }), 'Hi');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect(await (await ask(await always({ kind: 'empty-object' }), 'Hi')).json()).toEqual({});
    expect(await (await ask(await always({ kind: 'error-object' }), 'Hi')).json()).toHaveProperty('error.message');
    expect(await textOf(await ask(await always({ kind: 'empty-content' }), 'Hi'))).toBe('');
  });

  test('may be an answer with a given text', async () => {
    expect(await textOf(await ask(await always({ kind: 'answer', content: 'Forty-two.' }), 'Hi'))).toBe('Forty-two.');
  });
});

describe('a rule', () => {
  test('holds for its model and its words only', async () => {
    const match = { model: 'qwen3.5:9b', promptIncludes: 'bad' };
    const network = await simulator({ rules: [{ match, respond: { status: 500 } }] });
    expect(await statuses(network, ['good', 'bad', 'very bad'])).toEqual([200, 500, 500]);
    expect(await statuses(network, ['bad'], { model: 'qwen3.5:2b' })).toEqual([200]);
  });

  test('counts the requests it is about, from and to', async () => {
    const match = { promptIncludes: 'prompt', fromRequest: 2, toRequest: 3 };
    const network = await simulator({ rules: [{ match, respond: { status: 503 } }] });
    expect(await statuses(network, ['other', ...prompts(4)])).toEqual([200, 200, 503, 503, 200]);
  });

  test('responds so many times and no more, and then the next rule does', async () => {
    const network = await simulator({
      rules: [{ match: { times: 2 }, respond: { status: 500 } }, { respond: { status: 502 } }],
    });
    expect(await statuses(network, prompts(3))).toEqual([500, 500, 502]);
  });

  test('holds for a time', async () => {
    const network = await simulator({
      rules: [
        { match: { untilMs: 60_000 }, respond: { status: 503 } },
        { match: { afterMs: 60_000 }, respond: { status: 500 } },
      ],
    });
    expect(await statuses(network, ['Hi'])).toEqual([503]);
    await sim(network, 'DELETE', 'rules');
    await sim(network, 'POST', 'rules', { match: { untilMs: 0 }, respond: { status: 500 } });
    expect(await statuses(network, ['Hi'])).toEqual([200]);
  });

  test('can be set and cleared while the network runs', async () => {
    const network = await simulator();
    expect(await sim(network, 'POST', 'rules', [{ respond: { status: 401 } }])).toEqual({ added: 1 });
    expect(await statuses(network, ['Hi'])).toEqual([401]);
    await sim(network, 'DELETE', 'rules');
    expect(await statuses(network, ['Hi'])).toEqual([200]);
  });

  test('that makes no sense is refused with its reason', async () => {
    const { url } = await simulator();
    const response = await fetch(`${url}/_sim/rules`, { method: 'POST', body: '{"respond":{"status":200}}' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('respond');
  });
});

describe('faults by rate', () => {
  const faults: SimulatorOptions['faults'] = [
    { rate: 0.2, respond: { status: 503 } },
    { rate: 0.1, respond: { status: 500 } },
  ];

  test('come about as often as they should', async () => {
    const found = await statuses(await simulator({ faults }), prompts(600));
    const count = (status: number) => found.filter((one) => one === status).length;
    expect(count(503)).toBeGreaterThan(90);
    expect(count(503)).toBeLessThan(150);
    expect(count(500)).toBeGreaterThan(35);
    expect(count(500)).toBeLessThan(85);
  });

  test('meet the same prompts in any order, and another seed meets others', async () => {
    const all = prompts(60);
    const forward = await statuses(await simulator({ faults, seed: 7 }), all);
    const backward = await statuses(await simulator({ faults, seed: 7 }), all.toReversed());
    expect(backward.toReversed()).toEqual(forward);
    expect(await statuses(await simulator({ faults, seed: 8 }), all)).not.toEqual(forward);
  });

  test('give a retry its own luck', async () => {
    const network = await simulator({ faults: [{ rate: 0.5, respond: { status: 500 } }] });
    const found = new Set(
      await statuses(
        network,
        Array.from({ length: 20 }, () => 'the same'),
      ),
    );
    expect(found).toEqual(new Set([200, 500]));
  });

  test('hold for their model only', async () => {
    const network = await simulator({ faults: [{ rate: 1, model: 'qwen3.5:9b', respond: { status: 500 } }] });
    expect(await statuses(network, ['Hi'], { model: 'qwen3.5:9b' })).toEqual([500]);
    expect(await statuses(network, ['Hi'], { model: 'qwen3.5:2b' })).toEqual([200]);
  });
});
