import { describe, expect, it } from 'vitest';
import { applyChange, changeProblem, needsModels } from '../../src/batch/change.js';
import { hearReport } from '../../src/batch/hear-report.js';
import { markDown } from '../../src/batch/model-table.js';
import { NOW, report, runOf, started } from './run-of-state.js';

describe('what may be changed', () => {
  it.each<[unknown, RegExp | undefined]>([
    [{ concurrency: 20 }, undefined],
    [{ model: 'm', maxTokens: 5, temperature: 0, retries: 0, timeoutSecs: 1.5 }, undefined],
    [{ model: null, maxTotalTokens: null, maxCredits: null }, undefined],
    [{ concurrency: 0 }, /^concurrency: expected a whole number, from 1 to 2000$/],
    [{ concurrency: 1.5 }, /^concurrency: expected a whole number/],
    [{ concurrency: '5' }, /^concurrency: expected a whole number/],
    [{ concurrency: null }, /^concurrency: expected/],
    [{ temperature: 3 }, /^temperature: expected a number, from 0 to 2$/],
    [{ maxTotalTokens: 0 }, /^maxTotalTokens: expected a whole number, 1 or more$/],
    [{ model: '' }, /^model: expected the name of a model, or null/],
    [{ schema: {} }, /^schema: cannot be changed; what can is model, concurrency, /],
    [{}, /^give at least one of model, concurrency/],
    [undefined, /^give an object/],
    [[1], /^give an object/],
  ])('%j is answered %s', (change, problem) => {
    const found = changeProblem(change);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });

  it('needs the list of models for a change of the model alone', () => {
    expect([{ model: 'm' }, { model: null }, { retries: 1 }].map(needsModels)).toEqual([true, true, false]);
  });
});

describe('a change', () => {
  const list = [{ id: 'other', nodes: 2, modality: 'text' as const }];

  it('of what is asked is a new revision; of the pace or a wider limit it is none', () => {
    const state = runOf([10], { maxTotalTokens: 500 });
    expect(applyChange(state, { maxTokens: 5 }, [], NOW).revision).toBe(1);
    expect(applyChange(state, { maxTotalTokens: 400 }, [], NOW).revision).toBe(1);
    expect(applyChange(state, { maxCredits: 5 }, [], NOW).revision).toBe(1);
    expect(applyChange(state, { concurrency: 3, retries: 1 }, [], NOW).revision).toBe(0);
    expect(applyChange(state, { maxTotalTokens: 600 }, [], NOW).revision).toBe(0);
    expect(applyChange(state, { maxTotalTokens: null }, [], NOW).options.maxTotalTokens).toBeUndefined();
  });

  it('to a new or lower limit tells each chunk with it what it may spend, within what is left of the limit', () => {
    const paused = { ...started(started(runOf([10, 10]), 10), 10), paused: true } as const;
    const limited = applyChange(paused, { maxTotalTokens: 500 }, [], NOW);
    const lower = applyChange(limited, { maxTotalTokens: 200 }, [], NOW);
    for (const [{ running }, limit] of [
      [limited, 500],
      [lower, 200],
    ] as const) {
      const allowances = Object.values(running).map(({ allowance }) => allowance ?? Number.NaN);
      expect(allowances).toHaveLength(2);
      expect(allowances.every((allowance) => allowance >= 0)).toBe(true);
      expect(allowances.reduce((sum, allowance) => sum + allowance, 0)).toBeLessThanOrEqual(limit);
    }
  });

  it('of the model leaves only that one, and back to any keeps what was learnt', () => {
    const state = runOf([10]);
    const down = { ...state, models: markDown(state.models, 'text', NOW) };
    const chosen = applyChange(down, { model: 'other' }, list, NOW);
    expect(chosen.models).toMatchObject([{ id: 'other', nodes: 2, chosen: true }]);
    expect(chosen.shares.text).toEqual([{ model: 'other', items: 10 }]);
    const back = applyChange(chosen, { model: null }, [...list, { id: 'text', nodes: 5, modality: 'text' }], NOW);
    expect(back.options.model).toBeUndefined();
    expect(back.models.map(({ id, chosen: only }) => [id, only])).toEqual([
      ['other', undefined],
      ['text', undefined],
    ]);
  });

  it('makes what chunks have learnt before it worthless', () => {
    const state = applyChange(started(runOf([10]), 10), { model: 'other' }, list, NOW);
    const old = markDown(runOf([10]).models, 'text', NOW);
    expect(hearReport(state, report(0, { models: old, revision: 0 })).models).toBe(state.models);
    expect(hearReport(state, report(0, { models: old, revision: 1 })).models).toHaveLength(3);
  });
});
