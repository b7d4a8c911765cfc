import { describe, expect, it } from 'vitest';
import { Figures, OTHER_KINDS } from '../../src/report/figures.js';
import type { ReportRow } from '../../src/report/row.js';
import { failedRow, row } from './rows.js';

function figuresOf(rows: readonly ReportRow[]): Figures {
  const figures = new Figures();
  for (const each of rows) figures.add(each);
  return figures;
}

describe('Figures', () => {
  it('count rows by how they ended, and by model', () => {
    const figures = figuresOf([
      row(0, { at: 1000, ms: 200, tokens: 7, truncated: true }),
      row(1, { at: 500, ms: 100, model: 'b' }),
      row(2),
      failedRow(3, '503: none', { model: null }),
      failedRow(4, '500: broken', { model: 'b' }),
    ]);
    expect(figures).toMatchObject({ ok: 3, failed: 2, tokens: 27, truncated: 1, timed: 2, firstAt: 500, lastAt: 1000 });
    expect(figures.models.get('b')).toMatchObject({ ok: 1, failed: 1, tokens: 10, latencies: { count: 1, max: 100 } });
    expect([...figures.models.keys()]).toEqual(['lfm2.5:1.2b', 'b']);
  });

  it('keep of each kind of failure the first different texts, with how many had them', () => {
    const errors = [
      '500: a',
      '500: b',
      '500: a',
      '503: none',
      ...Array.from({ length: 9 }, (_, n) => `500: more ${n}`),
    ];
    const { kinds } = figuresOf(errors.map((text, item) => failedRow(item, text)));
    expect([...kinds].map(([kind, { items }]) => [kind, items])).toEqual([
      ['500', 12],
      ['503', 1],
    ]);
    const examples = [...(kinds.get('500')?.examples.values() ?? [])];
    expect(examples.map(({ error, items, item }) => [error, items, item])).toEqual([
      ['500: a', 2, 0],
      ['500: b', 1, 1],
      ['500: more 0', 1, 4],
      ['500: more 1', 1, 5],
      ['500: more 2', 1, 6],
    ]);
  });

  it('do not grow with what endpoints say', () => {
    const { kinds, failed } = figuresOf(
      Array.from({ length: 500 }, (_, item) => failedRow(item, `kind ${item} ${'x'.repeat(10_000)}: text`)),
    );
    expect(kinds.size).toBe(51);
    expect(kinds.get(OTHER_KINDS)?.items).toBe(450);
    expect([...kinds.values()].reduce((sum, { items }) => sum + items, 0)).toBe(failed);
    for (const [kind, { examples }] of kinds) {
      expect(kind.length).toBeLessThanOrEqual(60);
      for (const error of examples.keys()) expect(error.length).toBeLessThanOrEqual(400);
    }
  });
});
