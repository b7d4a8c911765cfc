import { finished } from 'node:stream/promises';
import type { ReadOptions } from '../../batch/read-options.js';
import { systemCode } from '../../system-error.js';
import type { DetectedFile } from '../detect.js';
import { InputError } from '../errors.js';
import { printable } from '../excerpt.js';
import { DEFAULT_MAX_LINE_BYTES } from '../lines.js';
import type { BadRow, Row, RowBatch, RowSource } from '../rows.js';
import { badRow } from './json-row.js';
import { checkedUtf8 } from './utf8.js';

/** Characters that people put between cells, with their names for `--delimiter`. */
const OTHER_DELIMITERS: readonly (readonly [character: string, flag: string, name: string])[] = [
  [';', "';'", 'semicolons'],
  ['\t', 'tab', 'tabs'],
  ['|', "'|'", 'bars'],
  [',', "','", 'commas'],
];

/** Opens a CSV or TSV as RFC 4180 has it. Empty lines are no rows. Throws an `InputError` for a header that is none. */
export async function openCsvRows(
  { file, format, content }: DetectedFile,
  { delimiter, header = true }: ReadOptions,
): Promise<RowSource> {
  const { name } = file;
  const cells = delimiter ?? (format === 'tsv' ? '\t' : ',');
  const batches = readRecords(content(), cells, name);
  const close = async (): Promise<void> => {
    await batches.return();
  };
  try {
    const first = await firstBatch(batches);
    const [head] = first;
    if (head === undefined) {
      throw new InputError('EMPTY', name, `${printable(name)} is empty: it needs a header and a row`);
    }
    const columns = header ? head.cells : head.cells.map((_, at) => String(at + 1));
    if (header) checkHeader(name, columns);
    if (columns.length === 1) checkDelimiter(name, head.cells[0] ?? '', cells);
    return { columns, batches: () => rowsOf(first.slice(header ? 1 : 0), batches, columns, name), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function firstBatch(batches: AsyncGenerator<readonly CsvRecord[], void>): Promise<readonly CsvRecord[]> {
  for (;;) {
    const { value, done } = await batches.next();
    if (done === true) return [];
    if (value.length > 0) return value;
  }
}

async function* rowsOf(
  first: readonly CsvRecord[],
  rest: AsyncIterable<readonly CsvRecord[]>,
  columns: readonly string[],
  file: string,
): AsyncGenerator<RowBatch, void, undefined> {
  let number = 0;
  const rowOf = (record: CsvRecord): Row | BadRow => {
    number++;
    const { cells: values } = record;
    return values.length === columns.length ? { columns, values, number, file } : ragged(record, columns, number);
  };
  yield first.map(rowOf);
  for await (const records of rest) yield records.map(rowOf);
}

function ragged({ cells, line }: CsvRecord, columns: readonly string[], number: number): BadRow {
  const [has, wants] = [cellsIn(cells.length), columns.length];
  const message = `line ${line} has ${has}, and there are ${wants.toLocaleString('en')} columns: a comma, a quote or a line end in a cell needs quotes around the cell`;
  return badRow(number, message);
}

function cellsIn(count: number): string {
  return count === 1 ? '1 cell' : `${count.toLocaleString('en')} cells`;
}

/** A record of a CSV, with the line that it ends in. */
interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Yields the records of a CSV. Throws an `InputError` for one whose quotes are not as they must be, or that is no UTF-8. */
async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  delimiter: string,
  name: string,
): AsyncGenerator<readonly CsvRecord[], void, undefined> {
  const { Parser } = await import('csv-parse');
  let records: CsvRecord[] = [];
  /** Collects records: to go through the buffer of a stream, one by one, costs as much as to parse them. */
  class Collector extends Parser {
    override push(cells: readonly string[] | null): boolean {
      if (cells === null) return super.push(null);
      records.push({ cells, line: this.info.lines });
      return true;
    }
  }
  const parser = new Collector({
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: DEFAULT_MAX_LINE_BYTES,
  });
  const take = (): readonly CsvRecord[] => {
    const taken = records;
    records = [];
    return taken;
  };
  const done = finished(parser.resume());
  done.catch(() => undefined);
  try {
    for await (const piece of checkedUtf8(source, name)) {
      await new Promise<void>((resolve) => parser.write(piece, () => resolve()));
      if (parser.errored !== null) break;
      yield take();
    }
    parser.end();
    await done;
    yield take();
  } catch (error) {
    const code = systemCode(error);
    throw code !== undefined && /^(CSV|INVALID)_/.test(code) ? explain(name, code, parser.info, error) : error;
  } finally {
    parser.destroy();
  }
}

function explain(
  name: string,
  code: string,
  { lines, records }: { readonly lines: number; readonly records: number },
  cause: unknown,
): InputError {
  const place = `${printable(name)}, line ${lines.toLocaleString('en')}`;
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return damaged(
        name,
        `${printable(name)}: a quoted cell is not closed; it begins after ${records} records`,
        cause,
      );
    case 'CSV_INVALID_CLOSING_QUOTE':
      return damaged(
        name,
        `${place}: there is text behind the quote that closes a cell: write "" for a quote in a quoted cell`,
        cause,
      );
    case 'INVALID_OPENING_QUOTE':
      return damaged(
        name,
        `${place}: there is a quote in a cell that has none around it: put the cell in quotes and write "" for the quote`,
        cause,
      );
    case 'CSV_MAX_RECORD_SIZE':
      return damaged(name, `${place}: a record of more than 64 MiB: is a quote not closed, or is this no CSV?`, cause);
    default:
      return damaged(name, `${place}: not CSV: ${code}`, cause);
  }
}

function damaged(name: string, message: string, cause: unknown): InputError {
  return new InputError('DAMAGED', name, message, { cause });
}

function checkHeader(name: string, columns: readonly string[]): void {
  const way = 'give each column a name of its own, or --no-header if the first row is data';
  const empty = columns.findIndex((column) => column.trim() === '');
  if (empty !== -1)
    throw damaged(name, `${printable(name)}, line 1: column ${empty + 1} has no name: ${way}`, undefined);
  const seen = new Map<string, number>();
  for (const [at, column] of columns.entries()) {
    const before = seen.get(column);
    if (before !== undefined) {
      const message = `${printable(name)}, line 1: columns ${before + 1} and ${at + 1} have the same name: ${way}`;
      throw damaged(name, message, undefined);
    }
    seen.set(column, at);
  }
}

/** Throws if a table of one column looks like one of several with another delimiter. */
function checkDelimiter(name: string, cell: string, delimiter: string): void {
  const other = OTHER_DELIMITERS.find(([character]) => character !== delimiter && cell.includes(character));
  if (other === undefined) return;
  throw damaged(
    name,
    `${printable(name)}, line 1: one column, with ${other[2]} in it: if it is several, give --delimiter ${other[1]}`,
    undefined,
  );
}
