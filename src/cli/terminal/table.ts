import { clean, clip, padEnd, padStart, widthOf } from './text.js';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly value: (row: Row) => string;
  /** Columns of the screen that it takes at most. */
  readonly most?: number;
}

/** Rows under their titles, columns two spaces apart, without those that say nothing. Values from outside cannot steer the terminal. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = columns.map(({ title, align, value, most = Number.POSITIVE_INFINITY }) => {
    const texts = [title, ...rows.map((row) => clip(clean(value(row)), most))];
    const width = Math.max(...texts.map(widthOf));
    return texts.map((text) => (align === 'left' ? padEnd(text, width) : padStart(text, width)));
  });
  return Array.from({ length: rows.length + 1 }, (_, line) =>
    cells
      .filter((column) => column[0] !== '')
      .map((column) => column[line] ?? '')
      .join('  ')
      .trimEnd(),
  );
}
