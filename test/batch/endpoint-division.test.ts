import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Endpoints, targetModels } from '../../src/batch/endpoint-rules.js';
import { encodeLayout } from '../../src/batch/layout.js';
import { seeded } from '../support/seeded.js';
import { LivingRun, type PackEnding, type RunLife } from './run-life.js';
import { chunksOf, optionsOf } from './run-of-state.js';

const NAMES = ['a', 'b', 'c', 'd'] as const;

const settings = fc.record({
  rules: fc.tuple(
    ...NAMES.map((name) =>
      fc.record({
        name: fc.constant(name),
        order: fc.integer({ min: 1, max: 2 }),
        weight: fc.integer({ min: 1, max: 30 }),
      }),
    ),
  ),
  sizes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
  concurrency: fc.integer({ min: 1, max: 40 }),
  seed: fc.integer({ min: 1 }),
});
type Setting = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function live({ rules, sizes, concurrency, seed }: Setting, ending: (target: string) => PackEnding): RunLife {
  const endpoints: Endpoints = rules;
  const models = NAMES.map((name) => ({ id: `${name}/m`, nodes: 7, modality: 'text' as const }));
  const random = seeded(seed);
  return new LivingRun({
    chunks: chunksOf(sizes.map((size) => encodeLayout(Array.from({ length: size }, () => 'text' as const)))),
    list: targetModels(models, { endpoints }),
    options: optionsOf({ concurrency, endpoints: [...rules] }),
    outcome: () => 'ok',
    ending: ({ target }) => ending(target),
    draw: (below) => Math.floor(random() * below),
  }).live();
}

function itemsAt({ ended }: RunLife, endpoint: string): number {
  return [...ended.values()].filter(({ target }) => target === `${endpoint}/m`).length;
}

it('divides items by weight within the lowest order, to within one item, and gives the others none', () => {
  fc.assert(
    fc.property(settings, (setting) => {
      const life = live(setting, () => 'done');
      const lowest = Math.min(...setting.rules.map(({ order }) => order));
      const first = setting.rules.filter(({ order }) => order === lowest);
      const sum = first.reduce((total, { weight }) => total + weight, 0);
      for (const { name, order, weight } of setting.rules) {
        const part = order === lowest ? (life.ended.size * weight) / sum : 0;
        expect(Math.abs(itemsAt(life, name) - part)).toBeLessThan(1);
      }
    }),
    { numRuns: 60 },
  );
});

it('answers every item elsewhere if an endpoint has no money left, refuses its key or is not known', () => {
  const kinds = fc.constantFrom('PaymentRequired', 'Unauthorized', 'WrongEndpoint');
  fc.assert(
    fc.property(settings, kinds, (setting, kind) => {
      const life = live(setting, (target) => (target === 'a/m' ? kind : 'done'));
      const items = setting.sizes.reduce((sum, size) => sum + size, 0);
      expect([...life.ended.values()].filter(({ isOk }) => isOk)).toHaveLength(items);
    }),
    { numRuns: 40 },
  );
});
