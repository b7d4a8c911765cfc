import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateRun, type ModelPrice, type RunPlan, textTokens } from '../../src/batch/estimate.js';
import { countOf, MODALITIES } from '../../src/batch/modality.js';
import type { Model } from '../../src/batch/models.js';
import { applyList, chosenTarget } from '../../src/batch/targets.js';

describe('the tokens of a text', () => {
  it.each([
    ['', 0],
    ['abcdefgh', 2],
    ['{"a": [1, 2]}\n  ', 4],
    ['天地玄黄宇宙', 4],
    ['ひらがな', 4 / 1.5],
    ['한국어', 2],
    ['（，）', 2],
    ['привет', 3],
    ['éé', 1],
    ['🙂', 1],
    ['天a', 1 / 1.5 + 1 / 4],
  ])('%j are about %d', (text, expected) => {
    expect(textTokens(text)).toBeCloseTo(expected);
  });

  it('add up, and grow with the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(textTokens(a + b)).toBeCloseTo(textTokens(a) + textTokens(b));
        expect(textTokens(a)).toBeGreaterThanOrEqual(a.length / 4);
        expect(textTokens(a)).toBeLessThanOrEqual(a.length / 1.5 + 1e-9);
      }),
    );
  });
});

const NONE = { text: 0, vision: 0, audio: 0 };

function planWith(list: readonly Model[], more: Partial<RunPlan>): RunPlan {
  const models = applyList([], list);
  return { modalities: NONE, textTokens: NONE, maxTokens: 100, retries: 2, prices: {}, models, ...more };
}

const LIST: readonly Model[] = [
  { id: 'small', nodes: 1, modality: 'text' },
  { id: 'eyes', nodes: 3, modality: 'vision' },
];

describe('a run to come', () => {
  it('is spread by nodes, with what no model takes apart', () => {
    const { models, unserved, requests } = estimateRun(
      planWith(LIST, { modalities: { text: 8, vision: 5, audio: 2 } }),
    );
    expect(models).toEqual([
      { id: 'eyes', nodes: 3, modality: 'vision', items: { text: 6, vision: 5, audio: 0 } },
      { id: 'small', nodes: 1, modality: 'text', items: { text: 2, vision: 0, audio: 0 } },
    ]);
    expect(unserved).toEqual({ text: 0, vision: 0, audio: 2 });
    expect(requests).toEqual({ atLeast: 15, atMost: 45 });
  });

  it('gives a chosen model everything, in the list or not', () => {
    const models = chosenTarget('mine', []);
    const { models: planned, unserved } = estimateRun(
      planWith([], { models, modalities: { text: 3, vision: 2, audio: 1 } }),
    );
    expect([planned[0]?.items, unserved]).toEqual([{ text: 3, vision: 2, audio: 1 }, NONE]);
  });

  it('counts the chat around a prompt and its attachment', () => {
    const tokens = (modalities: RunPlan['modalities'], text: RunPlan['textTokens']) => {
      return estimateRun(planWith(LIST, { modalities, textTokens: text })).promptTokens;
    };
    expect(tokens({ ...NONE, text: 10 }, { ...NONE, text: 50.2 })).toBe(131);
    expect(tokens({ ...NONE, vision: 2 }, { ...NONE, vision: 10 })).toBe(2026);
    expect(tokens({ ...NONE, audio: 1 }, NONE)).toBe(758);
    expect(tokens(NONE, NONE)).toBe(0);
  });

  it('costs what every model that is asked says, and nobody knows when one says nothing', () => {
    const price: ModelPrice = { prompt: 0.01, completion: 0.02, request: 1 };
    const plan = planWith(LIST, { modalities: { ...NONE, text: 4 }, textTokens: { ...NONE, text: 48 } });
    // Each prompt is 12 tokens and 8 around it.
    const all = estimateRun({ ...plan, prices: { small: price, eyes: { ...price, prompt: 0 } } });
    expect(all.credits?.atLeast).toBeCloseTo(20 * 0.01 + 4);
    expect(all.credits?.atMost).toBeCloseTo(20 * 0.01 + 4 + 4 * 100 * 0.02);
    expect(estimateRun({ ...plan, prices: { small: price } }).credits).toBeUndefined();
    const onlyEyes = planWith(LIST, { modalities: { ...NONE, vision: 1 }, prices: { eyes: price } });
    expect(estimateRun(onlyEyes).credits).toBeDefined();
  });

  it('has every item with one model or with none, whatever the models', () => {
    const model = fc.record({
      id: fc.string({ minLength: 1 }),
      nodes: fc.integer({ min: 1, max: 500 }),
      modality: fc.constantFrom(...MODALITIES),
    });
    const count = fc.nat({ max: 100_000 });
    fc.assert(
      fc.property(
        fc.uniqueArray(model, { selector: ({ id }) => id, maxLength: 6 }),
        fc.record({ text: count, vision: count, audio: count }),
        (list, modalities) => {
          const { models, unserved } = estimateRun(planWith(list, { modalities }));
          expect(models).toHaveLength(list.length);
          for (const modality of MODALITIES) {
            const spread = models.reduce((sum, { items }) => sum + countOf(items, modality), 0);
            expect(spread + countOf(unserved, modality)).toBe(countOf(modalities, modality));
            expect([0, countOf(modalities, modality)]).toContain(countOf(unserved, modality));
          }
        },
      ),
    );
  });
});
