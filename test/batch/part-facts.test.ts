import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerFacts, answerFacts, failureFacts, partFacts, partFactsSchema } from '../../src/batch/part-facts.js';

const FIRST = 1000;
const ITEMS = 20;

const someFacts = fc.record(
  {
    at: fc.integer({ min: 0, max: 2 ** 45 }),
    ms: fc.integer({ min: 0, max: 86_400_000 }),
    truncated: fc.constant(true),
    filtered: fc.constant(true),
  },
  { requiredKeys: [] },
);

const answersOfPart = fc
  .array(fc.tuple(fc.integer({ min: FIRST, max: FIRST + ITEMS - 1 }), someFacts))
  .map((entries) => new Map<number, AnswerFacts>(entries));

describe('the facts of a part', () => {
  it('come back as they were, through JSON', () => {
    fc.assert(
      fc.property(answersOfPart, (answers) => {
        const stored: unknown = JSON.parse(JSON.stringify(partFacts(FIRST, ITEMS, answers, [])));
        const known = [...answers].filter(([, facts]) => Object.keys(facts).length > 0);
        expect(answerFacts(partFactsSchema.parse(stored))).toEqual(new Map(known));
      }),
    );
  });

  it('are columns with small numbers, one entry an item', () => {
    const answers = new Map<number, AnswerFacts>([
      [FIRST, { at: 1_800_000_000_500, ms: 300 }],
      [FIRST + 2, { at: 1_800_000_000_000, ms: 200, truncated: true }],
    ]);
    const failures = [{ item: FIRST + 1, attempts: 4, tried: ['a', 'b', 'a'] }];
    expect(partFacts(FIRST, 3, answers, failures)).toEqual({
      version: 1,
      first: FIRST,
      start: 1_800_000_000_000,
      at: [500, null, 0],
      ms: [300, null, 200],
      truncated: [FIRST + 2],
      filtered: [],
      changed: [],
      names: ['a', 'b'],
      failures: [[FIRST + 1, 4, [0, 1]]],
    });
  });

  it('tell of a failed item how often it was asked, and each model once', () => {
    const failures = [
      { item: 1, attempts: 0, tried: [] },
      { item: 4, attempts: 3, tried: ['b', 'a', 'b'] },
    ];
    expect([...failureFacts(partFacts(0, 5, new Map(), failures)).values()]).toEqual([
      { item: 1, attempts: 0, tried: [] },
      { item: 4, attempts: 3, tried: ['b', 'a'] },
    ]);
  });

  it('know no start where no time is known', () => {
    expect(partFacts(0, 2, new Map([[0, {}]]), [])).toMatchObject({ start: null, at: [null, null] });
  });
});
