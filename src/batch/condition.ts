import { cellText, isAbsent } from './cell.js';
import { inQuotes, quotedName } from './column-name.js';

const OPERATORS = ['!=', '<=', '>=', '=', '<', '>', '~'] as const;
type Operator = (typeof OPERATORS)[number];

/** What a row must fulfil to become an item. */
export interface Condition {
  readonly column: string;
  readonly operator: Operator;
  /** What the column's value is compared with. */
  readonly value: string;
  /** `value` as a number; undefined if it is none. */
  readonly number: number | bigint | undefined;
}

/** A number as JSON writes it. Other text, such as 007, is text. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
const INTEGER = /^-?\d+$/;

/** Digits of an integer that is compared exactly: to read a longer one takes long. */
const MAX_INTEGER = 100;

/**
 * Reads a condition such as `lang=de`: a column, one of `=`, `!=`, `<`, `<=`, `>`, `>=` and `~`, and a value. A column with such
 * a character in its name is in double quotes. Throws a `RangeError` that says what to write.
 */
export function parseCondition(text: string): Condition {
  const quoted = quotedName(text.trimStart());
  const start = quoted === undefined ? 0 : text.length - text.trimStart().length + quoted.length;
  const at = text.slice(start).search(/!=|[<>=~]/);
  const operator = at === -1 ? undefined : OPERATORS.find((one) => text.startsWith(one, start + at));
  const before = at === -1 ? '' : text.slice(start, start + at).trim();
  const column = quoted === undefined ? before : quoted.name;
  if (operator === undefined || column === '' || (quoted !== undefined && before !== '')) {
    throw new RangeError(`${inQuotes(text)} is no condition: write one as lang=de, with ${OPERATORS.join(' ')}`);
  }
  const value = text.slice(start + at + operator.length).trim();
  return { column, operator, value, number: numberOf(value) };
}

/**
 * Returns whether a column's value fulfils a condition. With a number, numbers are compared, also those that a text holds; a text
 * that is no number is neither less nor greater. With a text, texts are compared, by code units. What is absent
 * is an empty text for `=`, `!=` and `~`, and neither less nor greater than anything.
 */
export function fulfils(cell: unknown, { operator, value, number }: Condition): boolean {
  const text = cellText(cell);
  if (operator === '~') return text.includes(value);
  const found = number === undefined ? undefined : numberOf(text);
  if (operator === '=' || operator === '!=') {
    const isEqual = found === undefined || number === undefined ? text === value : compare(found, number) === 0;
    return isEqual === (operator === '=');
  }
  if (isAbsent(cell) || (number !== undefined && found === undefined)) return false;
  const order = found === undefined || number === undefined ? compare(text, value) : compare(found, number);
  return operator.startsWith('<')
    ? order < 0 || (order === 0 && operator === '<=')
    : order > 0 || (order === 0 && operator === '>=');
}

/** Returns the number that a text is; exactly, if it is an integer that is not very long. */
function numberOf(text: string): number | bigint | undefined {
  if (!NUMBER.test(text)) return undefined;
  return text.length <= MAX_INTEGER && INTEGER.test(text) ? BigInt(text) : Number(text);
}

function compare<T extends string | number | bigint>(a: T, b: T): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}
