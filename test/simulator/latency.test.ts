import { describe, expect, test } from 'vitest';
import type { Latency } from '../../src/simulator/latency.js';
import { latencyMs } from '../../src/simulator/latency.js';
import { ask, simulator } from './harness.js';

const key = (content: string, model = 'm') => ({ seed: 1, model, content });
const many = (latency: Latency) =>
  Array.from({ length: 2000 }, (_, index) => latencyMs(latency, undefined, key(`content ${index}`)));
const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);

describe('latency', () => {
  test('is the same for the same content, and another for another model or seed', () => {
    const latency: Latency = { kind: 'uniform', minMs: 0, maxMs: 1000 };
    const once = latencyMs(latency, undefined, key('a'));
    expect(latencyMs(latency, undefined, key('a'))).toBe(once);
    expect(latencyMs(latency, undefined, key('a', 'other'))).not.toBe(once);
    expect(latencyMs(latency, undefined, { ...key('a'), seed: 2 })).not.toBe(once);
  });

  test('uniform lies evenly between its bounds', () => {
    const values = many({ kind: 'uniform', minMs: 300, maxMs: 1200 });
    expect(Math.min(...values)).toBeGreaterThanOrEqual(300);
    expect(Math.max(...values)).toBeLessThanOrEqual(1200);
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(750, -2);
  });

  test('lognormal has its median, its spread and its end', () => {
    const values = sorted(many({ kind: 'lognormal', medianMs: 800, sigma: 0.5, maxMs: 3000 }));
    expect(values[1000]).toBeGreaterThan(740);
    expect(values[1000]).toBeLessThan(860);
    // The 16th percentile of a lognormal is one standard deviation below: median × e^-sigma.
    expect(values[317]).toBeGreaterThan(440);
    expect(values[317]).toBeLessThan(530);
    expect(values.at(-1)).toBe(3000);
  });

  test('one content in n is slow, and the same ones for every model', () => {
    const contents = Array.from({ length: 4000 }, (_, index) => `content ${index}`);
    const slow = (model: string) =>
      contents.filter((one) => latencyMs({ kind: 'fixed', ms: 1 }, { every: 200, ms: 20_000 }, key(one, model)) > 1);
    expect(slow('a').length).toBeGreaterThan(8);
    expect(slow('a').length).toBeLessThan(35);
    expect(slow('b')).toEqual(slow('a'));
  });

  test('is really waited for, and a model may have its own', async () => {
    const network = await simulator({
      latency: { kind: 'fixed', ms: 60_000 },
      models: [{ id: 'quick', nodes: 1, latency: { kind: 'fixed', ms: 120 } }],
    });
    const start = performance.now();
    await (await ask(network, 'Hi', { model: 'quick' })).text();
    // Timers may fire up to 1 ms early.
    expect(performance.now() - start).toBeGreaterThanOrEqual(119);
  });
});
