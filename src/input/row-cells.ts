import type { Row } from './rows.js';

/** Finds cells by the names of their columns. Rows that are alike have a column at the same place: it is tried first. */
export class RowCells {
  private readonly places = new Map<string, number>();

  /** Returns a row's value in a column; undefined if it has none. */
  get({ columns, values }: Row, column: string): unknown {
    const last = this.places.get(column);
    if (last !== undefined && columns[last] === column) return values[last];
    const place = columns.indexOf(column);
    if (place === -1) return undefined;
    this.places.set(column, place);
    return values[place];
  }
}
