import { expect, it } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import type { RequestRecord } from '../../src/simulator/record.js';
import { World } from '../support/batch-world.js';

const GROUPS = 12;
const EACH = 15;

/** Items of each group in turn: 12 beginnings of 640 characters, 15 items of each. */
const ITEMS = Array.from({ length: GROUPS * EACH }, (_, item) => {
  const letter = String.fromCharCode(97 + (item % GROUPS));
  return { id: item, prompt: `${letter.repeat(640)} item ${item}` };
});

/** What could come from the cache: all beginnings but the first of each group. */
const CACHEABLE = GROUPS * (EACH - 1) * 160;

/** The cache holds four of the beginnings. */
const SIMULATOR: SimulatorOptions = {
  quirks: ['prefix-cache=720'],
  latency: { kind: 'uniform', minMs: 20, maxMs: 60 },
};

const MODELS = [
  { id: 'nanbeige:3b', nodes: 2 },
  { id: 'lfm2.5:1.2b', nodes: 1 },
];

it('most of what could come from a cache does, and the output has its order', async () => {
  const world = await World.open({ simulator: SIMULATOR });
  const options = { model: 'nanbeige:3b', concurrency: 4, detail: true };
  const grouped = await (await world.start(ITEMS, { options: { ...options, groupPrefix: true } })).result();
  expect(grouped).toMatchObject({ ok: ITEMS.length, requests: ITEMS.length });
  expect(grouped.cachedTokens).toBeGreaterThanOrEqual(0.8 * CACHEABLE);
  const lines = world.output(grouped.results);
  expect(lines.map(({ id }) => id)).toEqual(ITEMS.map(({ id }) => id));
  expect(lines.reduce((sum, { cached_tokens }) => sum + Number(cached_tokens), 0)).toBe(grouped.cachedTokens);
  const plain = await (await world.start(ITEMS, { options })).result();
  expect(plain.cachedTokens ?? 0).toBeLessThan(0.2 * CACHEABLE);
});

it('a group stays at one target as far as the division allows, also over a pause', async () => {
  const world = await World.open({ simulator: { ...SIMULATOR, models: MODELS } });
  const options = { concurrency: 8, groupPrefix: true };
  const run = await world.start(ITEMS, { options });
  await world.answered(20);
  await run.pause();
  await run.resume();
  const result = await run.result();
  expect(result).toMatchObject({ ok: ITEMS.length, failed: 0 });
  expect(result.models.map(({ id, ok }) => [id, ok])).toEqual([
    ['nanbeige:3b', 120],
    ['lfm2.5:1.2b', 60],
  ]);
  expect(result.cachedTokens).toBeGreaterThan(0.5 * CACHEABLE);
  expect(targetsOf(await world.requests())).toBeLessThan(1.6);
});

/** Targets that a group was asked of, on average. */
function targetsOf(requests: readonly RequestRecord[]): number {
  const pairs = new Set(requests.map(({ model, prompt = '' }) => `${prompt[0]} ${model}`));
  return pairs.size / GROUPS;
}
