import type { FieldProblem } from './errors.js';

/** One record of an input file, before it becomes an item. */
export interface Row {
  /** Names of its columns. All rows of a table share one array; a JSON object has its own. */
  readonly columns: readonly string[];
  /** Values in the order of `columns`: text in a CSV, JSON values otherwise; undefined and null are no value. */
  readonly values: readonly unknown[];
  /** 1-based number in its file: of the line in JSONL, of the record otherwise (a header is none). */
  readonly number: number;
  /** The file as messages call it. */
  readonly file: string;
  /** The record as JSON, if that is how the file has it. */
  readonly json?: string;
}

/** A record that cannot be read as a row. It becomes an invalid item. */
export interface BadRow {
  /** As in {@link Row}. */
  readonly number: number;
  readonly problems: readonly FieldProblem[];
}

/** Consecutive records, as many as are at hand. */
export type RowBatch = readonly (Row | BadRow)[];

/** The records of a file that is opened. */
export interface RowSource {
  /** Columns that all rows have, for a table; undefined if each row has its own, as in JSON. */
  readonly columns: readonly string[] | undefined;
  /** Yields the records in order. `wanted` are the columns that are read, if others need not be. */
  batches(wanted: readonly string[] | undefined): AsyncIterable<RowBatch>;
  /** Gives back what it holds, also if no batches were read. */
  close?(): Promise<void>;
}

/** What becomes of a row: an item's record, an invalid item, nothing, or the end of all rows. */
export type MappedRow = Mapped | InvalidRow | 'skip' | 'end';

/** The record of an item; it is the converter's from then on. */
export interface Mapped {
  readonly record: Record<string, unknown>;
  /** What goes into the item's output line: the text of a JSON object. */
  readonly columns?: string | undefined;
}

/** A row that cannot be an item. */
export interface InvalidRow {
  readonly problems: readonly FieldProblem[];
  /** Its id, if it has one. */
  readonly id?: unknown;
  readonly columns?: string | undefined;
}

/** How rows become items. Pure: the same rows give the same items. */
export interface RowMapping {
  /** True if an object is its item: JSONL is then copied and not parsed. */
  readonly isIdentity: boolean;
  /** Columns that make a row an item: a table is recognised by them. */
  readonly known: readonly string[];
  /** Columns that are read; undefined for all. */
  readonly wanted: readonly string[] | undefined;
  /** Throws an `InputError` if a table lacks a column that the mapping needs. */
  checkColumns(file: string, columns: readonly string[]): void;
  /** Takes a row of a pass that is made before the one that maps. Absent if the rows need not be known before. */
  readonly offer?: (row: Row) => void;
  /** Returns what becomes of a row. */
  map(row: Row): MappedRow;
  /** Throws an `InputError` for an input whose rows, all of which were mapped, had no column of a name, or left nothing. */
  checkEnd(input: string): void;
  /** Returns the column behind an item's field, for messages; undefined if the field is made of several or of none. */
  columnOf(field: string): string | undefined;
}
