import { describe, expect, it } from 'vitest';
import { indexedRecord, OutcomeIndex } from '../../src/store/outcome-index.js';
import type { OutcomeRecord } from '../../src/store/outcomes.js';
import { answer, failedTry, failure } from './store-world.js';

const BAD = { text: '{"n": "x"}', length: 10 };

function indexOf(...records: readonly OutcomeRecord[]): OutcomeIndex {
  const index = new OutcomeIndex();
  for (const record of records) index.add(indexedRecord(record));
  return index;
}

describe('an answer that is to be repaired', () => {
  it('is known as that of the newest try, and once', () => {
    const index = indexOf(failedTry(0, 1, { invalid: BAD }), failedTry(0, 2, { invalid: { ...BAD, text: '[]' } }));
    expect(index.get(0)?.invalid).toEqual({ ...BAD, text: '[]' });
    expect(JSON.stringify(index.get(0)?.tries)).not.toContain('invalid');
  });

  it.each<[string, OutcomeRecord]>([
    ['a try that brought none', failedTry(0, 2)],
    ['an answer', answer(0)],
    ['a failure', failure(0)],
  ])('is forgotten after %s', (_what, record) => {
    expect(indexOf(failedTry(0, 1, { invalid: BAD }), record).get(0)?.invalid).toBeUndefined();
    expect(indexOf(failedTry(0, 1, { invalid: BAD }), record).get(0)?.tries[0]?.try.attempt).toBe(1);
  });

  it('is not known of more items than memory is meant for; those are asked anew', () => {
    const text = 'x'.repeat(16_000);
    const many = Array.from({ length: 600 }, (_, item) => failedTry(item, 1, { invalid: { text, length: 16_000 } }));
    const index = indexOf(...many);
    const kept = many.filter(({ item }) => index.get(item)?.invalid !== undefined);
    expect(kept).toHaveLength(500);
    for (const { item } of kept) index.add(indexedRecord(answer(item)));
    index.add(failedTry(599, 2, { invalid: BAD }));
    expect(index.get(599)?.invalid).toEqual(BAD);
  });
});

it('a failure is kept without the text of its answer', () => {
  expect(indexOf(failure(0, { invalid: BAD })).failure(0)).toEqual(failure(0));
});
