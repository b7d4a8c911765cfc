import { excerpt, printable } from './excerpt.js';

/**
 * Why an input cannot be used. `INVALID_LINES`: see {@link InvalidInputError}. `EMPTY`: no line has anything on it.
 * `NOT_TEXT`: UTF-16 or another format that is not read. `NO_COLUMN`: a table lacks a column. `NO_PLACE`: what the items are asked
 * by has none for an option. `TWICE`: a file is given twice. `DAMAGED`: the file is cut off or is not what its format asks for.
 * `CHANGED`: a line is no longer what was checked. The others concern opening it.
 */
export type InputErrorCode =
  | 'INVALID_LINES'
  | 'EMPTY'
  | 'NOT_TEXT'
  | 'NO_COLUMN'
  | 'TOO_MANY_MODELS'
  | 'NO_PLACE'
  | 'TWICE'
  | 'DAMAGED'
  | 'CHANGED'
  | 'NOT_FOUND'
  | 'IS_DIRECTORY'
  | 'DENIED'
  | 'UNREADABLE';

/** An input that cannot be used as it is. The message is whole: it names the input and says what to do. */
export class InputError extends Error {
  override readonly name: string = 'InputError';
  constructor(
    readonly code: InputErrorCode,
    /** The input as messages call it. */
    readonly input: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An input without a column that the options name. */
export class NoColumnError extends InputError {
  constructor(
    input: string,
    message: string,
    /** The message without the columns that there are: without a header they are values of the first row. */
    readonly brief: string,
  ) {
    super('NO_COLUMN', input, message);
  }
}

/** What is wrong with one line of the input. */
export interface LineProblem {
  /** 1-based number of the physical line. */
  readonly line: number;
  /** The field it is about; none when it is about the line as a whole. */
  readonly field?: string;
  /** The column of the file that it is about, if it is about none of the item's fields. */
  readonly column?: string;
  readonly message: string;
  /** Its place in words, if that is not the line of the input: `prompts.csv, row 17, column "text"`. */
  readonly place?: string;
}

/** What is wrong with a line, if the caller knows which line it is. */
export type FieldProblem = Omit<LineProblem, 'line' | 'place'>;

/** Problems that an error keeps and lists; the rest is counted. */
export const LISTED_PROBLEMS = 20;

/** Lines of the input that break its rules. All are counted, the first {@link LISTED_PROBLEMS} are kept. */
export class InvalidInputError extends InputError {
  override readonly name = 'InvalidInputError';
  constructor(
    input: string,
    /** The first problems, in line order. */
    readonly problems: readonly LineProblem[],
    /** How many problems there are in all. */
    readonly total: number,
  ) {
    super('INVALID_LINES', input, describeProblems(input, problems, total));
  }
}

function describeProblems(input: string, problems: readonly LineProblem[], total: number): string {
  const lines = problems.map(
    (problem) => `${problem.place ?? `${printable(input)}:${problem.line}`}: ${describeProblem(problem)}`,
  );
  if (total > problems.length) lines.push(`… and ${total - problems.length} more`);
  lines.push(
    total === 1
      ? 'Nothing was started: fix this line, or give --skip-invalid to write an error line for it.'
      : 'Nothing was started: fix these lines, or give --skip-invalid to write an error line for each.',
  );
  return lines.join('\n');
}

/** A problem in words, without its place: `id: duplicate of line 3`. */
export function describeProblem({ field, column, message }: Omit<LineProblem, 'line'>): string {
  const about = field ?? (column === undefined ? undefined : `column ${excerpt(column)}`);
  return about === undefined ? message : `${about}: ${message}`;
}

/**
 * Why an attachment cannot be used. `FORBIDDEN`: outside the allowed folders. `MALFORMED`: not a path, URL or data URL
 * that can be read. `UNSUPPORTED`: its content is nothing that is sent to models. `CHANGED`: it is no longer what was
 * checked.
 */
export type AttachmentErrorCode =
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'NOT_A_FILE'
  | 'EMPTY'
  | 'TOO_LARGE'
  | 'UNREADABLE'
  | 'CHANGED'
  | 'MALFORMED'
  | 'UNSUPPORTED';

/** An attachment that cannot be used. The message names it (shortened) and says the way out where there is one. */
export class AttachmentError extends Error {
  override readonly name = 'AttachmentError';
  constructor(
    readonly code: AttachmentErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
