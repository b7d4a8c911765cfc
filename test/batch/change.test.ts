import { describe, expect, it } from 'vitest';
import { applyReport } from '../../src/batch/batch-state.js';
import { applyChange, changeProblem, needsModels, type RunChange } from '../../src/batch/change.js';
import { cool } from './cool.js';
import { NOW, report, runOf, started, TARGETS } from './run-of-state.js';

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

  it('needs the list of models only to choose among them', () => {
    expect([{ model: 'm' }, { model: null }, { retries: 1 }].map((change) => needsModels(change, {}))).toEqual([
      false,
      true,
      false,
    ]);
  });
});

describe('a change', () => {
  const list = [{ id: 'other', nodes: 1, modality: 'text' as const }];

  it.each<[RunChange, boolean]>([
    [{ model: 'other' }, true],
    [{ maxTokens: 5 }, true],
    [{ temperature: 0 }, true],
    [{ timeoutSecs: 5 }, true],
    [{ maxTotalTokens: 400 }, true],
    [{ maxCredits: 5 }, true],
    [{ concurrency: 3 }, true],
    [{ concurrency: 30 }, false],
    [{ retries: 1, maxWaitSecs: 5 }, false],
    [{ maxTotalTokens: 600 }, false],
    [{ maxTotalTokens: null }, false],
    [{ maxTokens: 2048 }, false],
  ])('takes packs back if items are asked otherwise or a bound is lower: %j, %s', (change, isNew) => {
    const state = runOf([10], { maxTotalTokens: 500 });
    expect(applyChange(state, change, list).revision).toBe(isNew ? 1 : 0);
  });

  it('keeps what it does not name, and takes away what it names as null', () => {
    const { options } = runOf([10], { maxTotalTokens: 500, model: 'm', retries: 7 });
    const { maxTotalTokens: _none, ...others } = options;
    const state = { ...runOf([10]), options };
    expect(applyChange(state, { maxTotalTokens: null, concurrency: 4 }, []).options).toEqual({
      ...others,
      concurrency: 4,
    });
  });

  it('to a new or lower limit tells each chunk with it what it may spend, within what is left of the limit', () => {
    const paused = { ...started(started(runOf([10, 10]), 10), 10), paused: true } as const;
    const limited = applyChange(paused, { maxTotalTokens: 500 }, []);
    const lower = applyChange(limited, { maxTotalTokens: 200 }, []);
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

  it('of the model leaves only that one, and back to any has the targets of the list', () => {
    const down = { ...runOf([10]), targets: cool(TARGETS, 'text', NOW, '503') };
    const chosen = applyChange(down, { model: 'other' }, list);
    expect(chosen.targets).toMatchObject([{ id: 'other', nodes: 1, chosen: true }]);
    const back = applyChange(chosen, { model: null }, [...list, { id: 'text', nodes: 5, modality: 'text' }]);
    expect(back.options.model).toBeUndefined();
    expect(back.targets.map(({ id, chosen: only }) => [id, only])).toEqual([
      ['other', undefined],
      ['text', undefined],
    ]);
  });

  it('to any model keeps what was learnt of the chosen one', () => {
    const chosen = applyChange(runOf([10]), { model: 'other' }, list);
    const down = { ...chosen, targets: cool(chosen.targets, 'other', NOW, '503') };
    expect(applyChange(down, { model: null }, list).targets).toMatchObject([{ id: 'other', downUntil: NOW + 5_000 }]);
  });

  it('makes what chunks report of targets under an older revision worthless', () => {
    const state = applyChange(started(runOf([10]), 10), { model: 'other' }, list);
    const old = cool(state.targets, 'other', NOW, '503');
    expect(applyReport(state, report(0, { targets: old, revision: 0 })).targets).toBe(state.targets);
    expect(applyReport(state, report(0, { targets: old, revision: 1 })).targets).toEqual(old);
  });
});
