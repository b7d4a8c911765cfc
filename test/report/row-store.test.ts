import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Haystack } from '../../src/report/page/haystack.js';
import { type Filter, RowStore, type Sort, type SortKey } from '../../src/report/page/row-store.js';
import type { TableRow } from '../../src/report/row.js';
import { rowBlock } from '../../src/report/row-blocks.js';
import { failedRow, row } from './rows.js';

const IN_ORDER: Sort = { key: 'item', descending: false };

function storeOf(...blocks: readonly (readonly TableRow[])[]): RowStore {
  const store = new RowStore();
  for (const rows of blocks) store.add(JSON.parse(JSON.stringify(rowBlock(rows))));
  return store;
}

function found(store: RowStore, filter: Partial<Filter>, sort = IN_ORDER): number[] {
  return [...store.select({ text: '', ...filter }, sort)].map((number) => store.row(number)?.item ?? -1);
}

describe('Haystack', () => {
  it('finds each text that has the words in it, as one search each would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'B', 'ß', 'İ', '\n', '🦉'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 20 }), letters.filter(Boolean), (texts, needle) => {
        const positions: number[] = [];
        new Haystack(texts).find(needle, (position) => positions.push(position));
        const expected = texts.flatMap((text, at) => (text.toLowerCase().includes(needle.toLowerCase()) ? [at] : []));
        expect(positions).toEqual(expected);
      }),
    );
  });

  it('finds nothing that reaches from one text into the next', () => {
    const positions: number[] = [];
    new Haystack(['ab', 'cd']).find('b\u0000c', (position) => positions.push(position));
    expect(positions).toEqual([]);
  });
});

describe('a block of rows', () => {
  it('comes back as it was', () => {
    const rows = [
      row(7, { id: 'a', at: 1_800_000_000_500, ms: 321, truncated: true, attachment: 'cat.png' }),
      failedRow(8, '503: none', { model: null, attempts: 4, tried: ['a', 'b'] }),
      failedRow(9, 'invalid: not JSON', { model: null }),
      row(12, { at: 1_800_000_000_000, model: 'b' }),
    ];
    const { prompt: _none, ...invalid } = rows[2] ?? row(9);
    const store = storeOf([rows[0] ?? row(7), rows[1] ?? row(8), invalid, rows[3] ?? row(12)]);
    expect([0, 1, 2, 3].map((number) => store.row(number))).toMatchObject([
      { item: 7, id: 'a', at: 1_800_000_000_500, ms: 321, truncated: true, attachment: 'cat.png', kind: undefined },
      { item: 8, kind: '503', text: '503: none', model: undefined, attempts: 4, tried: ['a', 'b'], at: undefined },
      { item: 9, kind: 'invalid', prompt: undefined },
      { item: 12, at: 1_800_000_000_000, ms: undefined, model: 'b', prompt: 'prompt 12' },
    ]);
    expect(store.numberOf(12)).toBe(3);
    expect(store.numberOf(10)).toBeUndefined();
  });
});

describe('RowStore', () => {
  const store = storeOf(
    [
      row(0, { text: 'Hello Owl', ms: 30 }),
      failedRow(1, '503: no nodes'),
      row(2, { model: 'b', ms: 10, truncated: true }),
    ],
    [failedRow(3, '500: owl'), row(4, { id: 'OWL-4', ms: 20 }), row(5, { attachment: 'owl.png' })],
  );

  it('searches ids, prompts, answers, errors, models and attachments, whatever the case', () => {
    expect(found(store, { text: 'oWl' })).toEqual([0, 3, 4, 5]);
    expect(found(store, { text: 'prompt 2' })).toEqual([2]);
    expect(found(store, { text: 'LFM2.5' })).toEqual([0, 1, 3, 4, 5]);
    expect(found(store, { text: 'nowhere' })).toEqual([]);
  });

  it('filters by model, status and kind, beside the search', () => {
    expect(found(store, { model: 'b' })).toEqual([2]);
    expect(found(store, { status: 'failed' })).toEqual([1, 3]);
    expect(found(store, { status: 'ok', text: 'owl' })).toEqual([0, 4, 5]);
    expect(found(store, { status: 'cut' })).toEqual([2]);
    expect(found(store, { kind: '503' })).toEqual([1]);
    expect(store.tally()).toEqual({
      models: new Map([
        ['lfm2.5:1.2b', 5],
        ['b', 1],
      ]),
      kinds: new Map([
        ['503', 1],
        ['500', 1],
      ]),
      cut: 1,
    });
  });

  it('sorts both ways, what is not known last', () => {
    expect(found(store, {}, { key: 'ms', descending: false })).toEqual([2, 4, 0, 1, 3, 5]);
    expect(found(store, {}, { key: 'ms', descending: true })).toEqual([0, 4, 2, 1, 3, 5]);
    expect(found(store, {}, { key: 'item', descending: true })).toEqual([5, 4, 3, 2, 1, 0]);
    expect(found(store, {}, { key: 'id', descending: false })).toEqual([0, 1, 2, 3, 5, 4]);
    expect(found(store, {}, { key: 'status', descending: true })).toEqual([1, 3, 0, 2, 4, 5]);
  });

  it('gives each row once however it is sorted', () => {
    const keys = fc.constantFrom<SortKey>('item', 'id', 'status', 'model', 'tokens', 'ms', 'at');
    const someRow = fc.record({
      id: fc.oneof(fc.string(), fc.nat(5)),
      tokens: fc.nat(3),
      ms: fc.option(fc.nat(5), { nil: 1 }),
    });
    fc.assert(
      fc.property(fc.array(someRow, { maxLength: 30 }), keys, fc.boolean(), (rows, key, descending) => {
        const many = storeOf(rows.map((more, item) => row(item, more)));
        const items = found(many, {}, { key, descending }).sort((a, b) => a - b);
        expect(items).toEqual(rows.map((_, item) => item));
      }),
    );
  });
});
