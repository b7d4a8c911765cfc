import { describe, expect, it } from 'vitest';
import { RunRefusals } from '../../src/activities/run-refusals.js';

const alike = (items: number, error: string | ((item: number) => string) = '404: no such model'): RunRefusals => {
  const refusals = new RunRefusals();
  for (let item = 0; item < items; item++) refusals.failed(item, typeof error === 'string' ? error : error(item));
  return refusals;
};

describe('the first failures of a run', () => {
  it.each([
    [4, false],
    [5, true],
    [6, true],
  ])('%i alike and no answer: all are refused: %s', (items, areAll) => {
    expect(alike(items).areAll).toBe(areAll);
  });

  it('of one item, however often, are not five', () => {
    const refusals = new RunRefusals();
    for (let time = 0; time < 9; time++) refusals.failed(3, '404: no such model');
    expect(refusals.areAll).toBe(false);
  });

  it('are the items’ own once one is answered, also those that come later', () => {
    const refusals = alike(5);
    refusals.answered();
    expect([refusals.areAll, refusals.areHeld]).toEqual([false, false]);
    for (let item = 5; item < 20; item++) refusals.failed(item, '404: no such model');
    expect(refusals.areAll).toBe(false);
  });

  it('are held while nothing is answered', () => {
    expect([new RunRefusals().areHeld, alike(9).areHeld]).toEqual([true, true]);
  });

  it.each<[string, (item: number) => string]>([
    ['numbers', (item) => `400: the prompt has ${item * 1111} tokens of 4096`],
    ['ids', (item) => `400: bad request (req_${item}a${item}f-77)`],
    ['text in double quotes', (item) => `400: cannot parse "${'x'.repeat(item)} of it"`],
    ['text in single quotes', (item) => `400: cannot parse '${'y'.repeat(item)}'`],
    ['text in backquotes', (item) => `400: unknown variant \`${'z'.repeat(item)}\``],
    ['words after 120 characters', (item) => `400: ${'a'.repeat(130)} ${'b'.repeat(item)}`],
  ])('that differ in %s are alike', (_what, error) => {
    expect(alike(5, error).areAll).toBe(true);
  });

  it.each<[string, (item: number) => string]>([
    ['status', (item) => (item < 4 ? '400: no' : '422: no')],
    ['words', (item) => (item < 4 ? '400: too long' : '400: not allowed')],
  ])('of two kinds, by their %s, are not all refused', (_what, error) => {
    expect(alike(9, error).areAll).toBe(false);
  });
});
