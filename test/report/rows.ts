import type { TableRow } from '../../src/report/row.js';

/** An answered row; what a test is about is given. */
export function row(item: number, more: Partial<TableRow> = {}): TableRow {
  return {
    item,
    id: item + 1,
    model: 'lfm2.5:1.2b',
    ok: true,
    skipped: false,
    text: `answer ${item}`,
    prompt: `prompt ${item}`,
    tokens: 10,
    truncated: false,
    ...more,
  };
}

/** A failed row. */
export function failedRow(item: number, text: string, more: Partial<TableRow> = {}): TableRow {
  return row(item, { ok: false, text, tokens: 0, attempts: 4, tried: ['lfm2.5:1.2b'], ...more });
}
