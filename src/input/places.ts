import type { LineProblem } from './errors.js';
import { printable } from './excerpt.js';

/** A file whose records are in a converted stream. */
interface FileInStream {
  readonly name: string;
  readonly unit: 'line' | 'row';
  /** Number of records before it. */
  readonly before: number;
}

/**
 * Where the records of a converted stream come from. Each record is one line of it, rows that become no item are blank
 * lines, so that a line's number is the record's number, counted over all files.
 */
export class InputPlaces {
  private readonly files: FileInStream[] = [];

  constructor(private readonly columnOf: (field: string) => string | undefined) {}

  /** Adds the file that follows `before` records. */
  add(name: string, unit: 'line' | 'row', before: number): void {
    this.files.push({ name, unit, before });
  }

  /** Returns the place of a record in words: `prompts.csv, row 17`. */
  placeOf(line: number): string {
    const file = this.files.findLast(({ before }) => before < line);
    if (file === undefined) return `line ${line}`;
    const number = line - file.before;
    return file.unit === 'line' ? `${printable(file.name)}:${number}` : `${printable(file.name)}, row ${number}`;
  }

  /** Returns a problem with its place and the column behind its field. */
  locate(problem: LineProblem): LineProblem {
    const file = this.files.findLast(({ before }) => before < problem.line);
    const place = this.placeOf(problem.line);
    const { field, column = this.columnBehind(field), ...rest } = problem;
    if (column === undefined || file?.unit === 'line') return { ...problem, place };
    return { ...rest, place: `${place}, column ${JSON.stringify(printable(column))}` };
  }

  private columnBehind(field: string | undefined): string | undefined {
    return field === undefined ? undefined : (this.columnOf(field) ?? field);
  }
}
