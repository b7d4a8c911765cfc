import type { Table } from './columns.js';
import { type Pieces, writtenLines } from './lines.js';
import { type RawJson, textOf } from './raw-json.js';

/** How rows of text are written. */
export interface CsvDialect {
  readonly delimiter: string;
  readonly lineEnd: string;
}

/** As RFC 4180 has it. */
export const CSV: CsvDialect = { delimiter: ',', lineEnd: '\r\n' };

/** The same with tabs, and the line ends that tools for such files expect. */
export const TSV: CsvDialect = { delimiter: '\t', lineEnd: '\n' };

/**
 * Writes output lines as rows of text under a header, in UTF-8. Nothing is an empty cell, an empty text two quotes. A text
 * stays what it is, also where a spreadsheet takes it for a formula.
 */
export async function* csvRows(pieces: Pieces, table: Table, dialect: CsvDialect): AsyncGenerator<Uint8Array> {
  const { delimiter, lineEnd } = dialect;
  const mustQuote = new RegExp(`["\\r\\n${delimiter}]`);
  const quoted = (text: string) => (text === '' || mustQuote.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const cell = (value: RawJson | undefined) => (value === undefined ? '' : quoted(textOf(value)));
  const row = (cells: readonly string[]) => cells.join(delimiter) + lineEnd;
  const head = row(table.columns.map(({ name }) => quoted(name)));
  yield* writtenLines(pieces, (line) => row(table.cells(line.toString('utf8')).map(cell)), { head });
}
