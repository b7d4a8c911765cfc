import { describe, expect, it, onTestFinished } from 'vitest';
import type { EndpointRules } from '../../src/batch/endpoint-rules.js';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import type { SimulatorStats } from '../../src/simulator/record.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { progressUntil, prompts, World } from '../support/batch-world.js';
import { until } from '../support/until.js';

const LATENCY = { kind: 'fixed', ms: 5 } as const;

/** A simulated endpoint under a name. */
interface Named {
  readonly name: string;
  readonly simulator: Simulator;
  stats(): Promise<SimulatorStats>;
  answered(): Promise<number>;
}

async function endpoint(name: string, options: SimulatorOptions = {}): Promise<Named> {
  const simulator = await startSimulator({ models: [{ id: 'shared', nodes: 2 }], latency: LATENCY, ...options });
  onTestFinished(() => simulator.close());
  // The simulator is ours: its counts need no check.
  const stats = async (): Promise<SimulatorStats> =>
    JSON.parse(await (await fetch(`${simulator.url}/_sim/stats`)).text());
  return { name, simulator, stats, answered: async () => (await stats()).answered };
}

/** A worker whose operator has written these endpoints down, each with a key of its own. */
async function worldWith(...endpoints: readonly Named[]): Promise<World> {
  const world = await World.open({ noWorker: true });
  await world.startWorker({
    endpoints: endpoints.map(({ name, simulator }) => ({
      name,
      baseUrl: simulator.url,
      apiKey: `key-of-${name}`,
      // Known by its operator: the key is then met by prompts.
      ...(name === 'bad' ? { models: ['shared'] } : {}),
    })),
  });
  return world;
}

const named = (...rules: readonly (string | EndpointRules)[]): EndpointRules[] =>
  rules.map((rule) => (typeof rule === 'string' ? { name: rule } : rule));

describe('a run', () => {
  it.each<{ readonly what: string; readonly input: object; readonly type: string; readonly words: string }>([
    {
      what: 'a name that the operator has not written down',
      input: { options: { endpoints: [{ name: 'elsewhere' }] } },
      type: 'WrongEndpoint',
      words: 'no endpoint elsewhere',
    },
    {
      what: 'an address for a name',
      input: { options: { endpoints: [{ name: 'own', baseUrl: 'ADDRESS' }] } },
      type: 'InvalidInput',
      words: 'baseUrl',
    },
    {
      what: 'a variable of the worker for a name',
      input: { options: { endpoints: [{ name: 'own', apiKeyEnv: 'PATH' }] } },
      type: 'InvalidInput',
      words: 'apiKeyEnv',
    },
    {
      what: 'an address as a name',
      input: { options: { endpoints: [{ name: 'ADDRESS' }] } },
      type: 'InvalidInput',
      words: 'name',
    },
    {
      what: 'an address beside names',
      input: { endpoint: 'ADDRESS', options: { endpoints: [{ name: 'own' }] } },
      type: 'WrongEndpoint',
      words: 'this worker serves',
    },
    {
      what: 'a model whose name is that of a foreign endpoint',
      input: { options: { model: 'ADDRESS/shared', maxWaitSecs: 0, endpoints: [{ name: 'own' }] } },
      type: 'EndpointUnavailable',
      words: 'no endpoint lists the model',
    },
  ])('cannot have a key sent elsewhere by $what', async ({ input, type, words }) => {
    const thief = await endpoint('thief');
    const own = await endpoint('own');
    const world = await worldWith(own);
    // As any client may start it: not by this package's types.
    const foreign = JSON.parse(JSON.stringify(input).replaceAll('ADDRESS', thief.simulator.url));
    const run = await world.start(prompts(3), foreign);
    const message = expect.stringContaining(words);
    await expect(run.result()).rejects.toMatchObject({ cause: { type, message } });
    expect((await thief.stats()).requests).toBe(0);
    expect((await own.stats()).requests).toBe(0);
  });
});

describe('a run with several endpoints', () => {
  it('divides its items by weight within the lowest order, and gives each endpoint its own key', async () => {
    const a = await endpoint('a', { keys: ['key-of-a'] });
    const b = await endpoint('b', { keys: ['key-of-b'] });
    const c = await endpoint('c');
    const world = await worldWith(a, b, c);
    const endpoints = named({ name: 'a', weight: 3 }, { name: 'b', weight: 1 }, { name: 'c', order: 2 });
    const run = await world.start(prompts(80), { options: { concurrency: 8, retries: 0, endpoints } });
    const { results, models, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 80, failed: 0 });
    expect(await Promise.all([a, b, c].map((each) => each.answered()))).toEqual([60, 20, 0]);
    expect(new Set(world.output(results).map(({ model }) => model))).toEqual(new Set(['a/shared', 'b/shared']));
    expect(models.map(({ id, ok }) => [id, ok])).toEqual([
      ['a/shared', 60],
      ['b/shared', 20],
      ['c/shared', 0],
    ]);
  });

  it.each<{ readonly what: string; readonly options: SimulatorOptions; readonly why: RegExp }>([
    { what: 'has no quota left', options: { credits: 7 }, why: /^402: / },
    { what: 'refuses its key', options: { keys: ['another'] }, why: /^401: / },
  ])('goes on elsewhere if one $what, at no cost of an attempt', async ({ options, why }) => {
    const world = await worldWith(await endpoint('bad', options), await endpoint('good'));
    const endpoints = named({ name: 'bad', weight: 3 }, 'good');
    const run = await world.start(prompts(120), { options: { concurrency: 6, retries: 0, pack: 5, endpoints } });
    const { models, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 120, failed: 0 });
    const [bad] = models;
    expect(bad).toMatchObject({
      id: 'bad/shared',
      ok: options.credits ?? 0,
      down: true,
      why: expect.stringMatching(why),
    });
  });

  it('goes on elsewhere if one dies in the middle, at no cost of an attempt', async () => {
    const bad = await endpoint('bad', { latency: { kind: 'fixed', ms: 100 } });
    const world = await worldWith(bad, await endpoint('good'));
    const endpoints = named({ name: 'bad', weight: 3 }, 'good');
    const run = await world.start(prompts(120), { options: { concurrency: 6, retries: 0, pack: 5, endpoints } });
    await until('some answers', async () => (await bad.answered()) >= 5);
    await bad.simulator.close();
    const { models, ...summary } = await run.result();
    expect(summary).toMatchObject({ ok: 120, failed: 0 });
    expect(models.find(({ id }) => id === 'good/shared')?.ok).toBeGreaterThan(30);
  });

  it('pauses for money, and ends for a key, only if no endpoint is left', async () => {
    const poor = await endpoint('poor', { credits: 5 });
    const locked = await endpoint('locked', { keys: ['another'] });
    const world = await worldWith(poor, locked);
    const options = { concurrency: 4, retries: 0, endpoints: named('poor', 'locked') };
    const run = await world.start(prompts(40), { options, onPause: 'fail' });
    await expect(run.result()).rejects.toMatchObject({
      cause: { type: 'Paused', message: expect.stringContaining('402') },
    });
    const second = await world.start(prompts(4), { options: { endpoints: named('locked') } });
    await expect(second.result()).rejects.toMatchObject({ cause: { type: 'Unauthorized' } });
  });

  it('asks a model at every endpoint that has it, or at one', async () => {
    const models = [
      { id: 'org/big', nodes: 1 },
      { id: 'small', nodes: 1 },
    ];
    const a = await endpoint('a', { models });
    const b = await endpoint('b', { models });
    const world = await worldWith(a, b);
    const endpoints = named('a', 'b');
    const everywhere = await world.start(prompts(20), { options: { model: 'org/big', endpoints } });
    expect((await everywhere.result()).models.map(({ id, ok }) => [id, ok])).toEqual([
      ['a/org/big', 10],
      ['b/org/big', 10],
    ]);
    const there = await world.start(prompts(20), { options: { model: 'b/org/big', endpoints } });
    expect((await there.result()).models.map(({ id, ok }) => [id, ok])).toEqual([['b/org/big', 20]]);
  });

  it('keeps the bound of each endpoint on requests in flight', async () => {
    const narrow = await endpoint('narrow', { latency: { kind: 'fixed', ms: 30 } });
    const wide = await endpoint('wide', { latency: { kind: 'fixed', ms: 30 } });
    const world = await worldWith(narrow, wide);
    const endpoints = named({ name: 'narrow', maxInFlight: 2 }, 'wide');
    const run = await world.start(prompts(80), { options: { concurrency: 16, endpoints } });
    expect(await run.result()).toMatchObject({ ok: 80, failed: 0 });
    expect((await narrow.stats()).maxInFlight).toBe(2);
    expect((await wide.stats()).maxInFlight).toBeGreaterThan(4);
  });

  it('counts what each endpoint costs, and stops at a limit in money', async () => {
    const dear = await endpoint('dear');
    const cheap = await endpoint('cheap');
    const world = await worldWith(dear, cheap);
    const price = { input: 1_000, output: 1_000 };
    const endpoints = named({ name: 'dear', price }, { name: 'cheap', price: { input: 1, output: 1 } });
    const run = await world.start(prompts(40), { options: { concurrency: 4, endpoints } });
    const { endpoints: ended = [], costUsd, ...whole } = await run.result();
    expect(whole).toMatchObject({ ok: 40, failed: 0 });
    for (const { name, tokens, costUsd: cost } of ended) {
      expect(cost).toBeCloseTo((tokens * (name === 'dear' ? 1_000 : 1)) / 1e6, 9);
    }
    expect(costUsd).toBeCloseTo(
      ended.reduce((sum, { costUsd: cost = 0 }) => sum + cost, 0),
      9,
    );
    const cheapest = await world.start(prompts(10), { options: { prefer: 'cheapest', endpoints } });
    expect((await cheapest.result()).models.map(({ id, ok }) => [id, ok])).toEqual([
      ['dear/shared', 0],
      ['cheap/shared', 10],
    ]);
    // Enough for some eighty of its items.
    const maxCost = (costUsd ?? 0) * 2;
    const limited = { concurrency: 2, endpoints, maxCost };
    const bounded = await world.start(prompts(400), { options: limited });
    const paused = await progressUntil(bounded, 'it pauses', ({ state }) => state === 'paused');
    expect(paused).toMatchObject({ pausedBy: 'budget', reason: expect.stringContaining('--max-cost') });
    expect(paused.spending.costUsd).toBeLessThanOrEqual(maxCost);
    expect(paused.spending.costUsd).toBeGreaterThan(maxCost / 4);
    await bounded.cancel();
    const unpriced = await world.start(prompts(3), { options: { maxCost: 1, endpoints: named('dear') } });
    await expect(unpriced.result()).rejects.toMatchObject({ cause: { type: 'InvalidInput' } });
  });
});
