import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { affordableTokens, costOf } from '../../src/batch/cost.js';
import { type Endpoints, priceOf, splitTarget, targetModels, targetName } from '../../src/batch/endpoint-rules.js';
import {
  applyList,
  candidates,
  coolEndpoint,
  isEveryStopped,
  ofLowestOrder,
  reopenTargets,
  reviveTarget,
  stopEndpoint,
  type Targets,
  weightsOf,
} from '../../src/batch/targets.js';

const NOW = 1_000_000;
const DOWN = { now: NOW, why: '402: out of credits', minTries: 0 };
const ENDPOINTS: Endpoints = [
  { name: 'a', weight: 4, price: { input: 1, output: 2 } },
  { name: 'b', prices: { 'org/x': { input: 3, output: 4 } } },
  { name: 'c', order: 2 },
];
const LIST = [
  { id: 'a/org/x', nodes: 3, modality: 'text' },
  { id: 'a/y', nodes: 1, modality: 'text' },
  { id: 'b/org/x', nodes: 7, modality: 'text' },
  { id: 'c/y', nodes: 9, modality: 'text' },
  { id: 'elsewhere/y', nodes: 99, modality: 'text' },
] as const;

const targets = (model?: string): Targets => applyList([], targetModels(LIST, { endpoints: ENDPOINTS, model }));
const ids = (list: Targets) => list.map(({ id }) => id);
const asked = (list: Targets, now = NOW) => ids(ofLowestOrder(candidates(list, 'text', now))).sort();

describe('the targets of several endpoints', () => {
  it.each([
    [undefined, ['a/org/x', 'a/y', 'b/org/x', 'c/y']],
    ['org/x', ['a/org/x', 'b/org/x']],
    ['y', ['a/y', 'c/y']],
    ['b/org/x', ['b/org/x']],
    // Not listed: somebody has said that it is there.
    ['c/org/z', ['c/org/z']],
    ['x', []],
    ['elsewhere/y', []],
  ])('for the model %s are %j', (model, expected) => {
    expect(ids(targets(model))).toEqual(expected);
  });

  it('have names that are taken apart as they were put together, whatever slashes a model has', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/), fc.string(), (endpoint, model) => {
        expect(splitTarget(targetName(endpoint, model))).toEqual({ endpoint, model });
      }),
    );
  });

  it('share the weight of their endpoint by nodes, and have their nodes without one', () => {
    expect(weightsOf(targets())).toEqual([3, 1, 7, 9]);
  });

  it('are asked within the lowest order that has one up', () => {
    expect(asked(targets())).toEqual(['a/org/x', 'a/y', 'b/org/x']);
    const without = coolEndpoint(targets(), 'a/y', DOWN);
    expect(asked(without)).toEqual(['b/org/x']);
    expect(asked(coolEndpoint(without, 'b/org/x', DOWN))).toEqual(['c/y']);
    expect(asked(coolEndpoint(without, 'b/org/x', DOWN), NOW + 60_000)).toEqual(['a/org/x', 'a/y', 'b/org/x']);
  });

  it('stop with their endpoint alone, until none is left, and are asked again after an answer or a resume', () => {
    const one = stopEndpoint(targets(), 'a/y', 'PaymentRequired', DOWN);
    expect(asked(one)).toEqual(['b/org/x']);
    expect(isEveryStopped(one, 'text')).toBe(false);
    const all = ['b/org/x', 'c/y'].reduce((next, id) => stopEndpoint(next, id, 'Unauthorized', DOWN), one);
    expect(isEveryStopped(all, 'text')).toBe(true);
    expect(isEveryStopped(reviveTarget(all, 'c/y'), 'text')).toBe(false);
    expect(asked(reopenTargets(all))).toEqual(asked(targets()));
  });

  it('are the cheapest first if that is preferred, and those without a price last', () => {
    const cheapest = applyList([], targetModels(LIST, { endpoints: ENDPOINTS, prefer: 'cheapest' }));
    expect(asked(cheapest)).toEqual(['a/org/x', 'a/y']);
    const second = coolEndpoint(cheapest, 'a/y', DOWN);
    expect(asked(second)).toEqual(['b/org/x']);
    expect(asked(coolEndpoint(second, 'b/org/x', DOWN))).toEqual(['c/y']);
  });
});

describe('money', () => {
  it.each([
    ['a/y', { input: 1, output: 2 }],
    ['b/org/x', { input: 3, output: 4 }],
    ['b/y', undefined],
    ['d/y', undefined],
    ['a', undefined],
  ])('%s costs %j', (target, price) => {
    expect(priceOf(ENDPOINTS, target)).toEqual(price);
  });

  it.each([
    [{ input: 1, output: 2 }, { prompt: 1_000_000, completion: 1_000_000 }, 3e9],
    [{ input: 1, output: 2, cached: 0.5 }, { prompt: 100, completion: 0, cached: 60 }, 70_000],
    [{ input: 1, output: 2 }, { prompt: 100, completion: 0, cached: 60 }, 100_000],
    [{ input: 0.0001, output: 0 }, { prompt: 1, completion: 0 }, 1],
    [{ input: 1, output: 0, cached: 0 }, { prompt: 1, completion: 0, cached: 9 }, 0],
  ])('at %j %j are %d billionths', (price, used, cost) => {
    expect(costOf(price, used)).toBe(cost);
  });

  it('never allows tokens that could cost more than there is', () => {
    const dollars = fc.double({ min: 0.001, max: 1000, noNaN: true });
    const price = fc.record({ input: dollars, output: dollars });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e12 }),
        fc.array(price, { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (money, prices, part) => {
          const tokens = affordableTokens(money, prices);
          const prompt = Math.floor(tokens * part);
          for (const one of prices) {
            // Rounded up once.
            expect(costOf(one, { prompt, completion: tokens - prompt })).toBeLessThanOrEqual(money + 1);
          }
        },
      ),
    );
    expect(affordableTokens(1e9, [])).toBe(0);
  });
});
