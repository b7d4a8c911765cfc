import { oneLineJson } from './json-line.js';

/** Returns true for a cell that has no value. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/**
 * Returns a cell as text: a text is itself, a number and a truth value as JSON writes them, an object and an array as JSON on
 * one line. What is absent is empty.
 */
export function cellText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isAbsent(value)) return '';
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : cellJson(value);
}

/** Returns a cell as JSON on one line. Integers of any size keep their digits; what JSON has no number for is null. */
export function cellJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || hasToJson(value)) return oneLineJson(value ?? null) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(cellJson).join(',')}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${oneLineJson(name)}:${cellJson(field)}`).join(',')}}`;
}

function hasToJson(value: object): boolean {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
