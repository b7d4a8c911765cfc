import { isUtf8 } from 'node:buffer';
import { explainJsonError, kindOf } from '../explain-line.js';
import type { BadRow, Row } from '../rows.js';

/** Returns the JSON of an object as a row. */
export function jsonRow(content: Buffer, number: number, file: string): Row | BadRow {
  const text = content.toString('utf8');
  // Decoding puts U+FFFD for what is not UTF-8.
  if (text.includes('\ufffd') && !isUtf8(content)) return badRow(number, 'not valid UTF-8');
  if (text.trim() === '') return badRow(number, 'nothing between two commas');
  try {
    return objectRow(JSON.parse(text), number, file, text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return badRow(number, explainJsonError(text, error));
  }
}

function objectRow(value: unknown, number: number, file: string, json: string): Row | BadRow {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return { columns: Object.keys(value), values: Object.values(value), number, file, json };
  }
  return badRow(number, `must be an object like {"prompt": "…"}, not ${kindOf(value)}`);
}

/** Returns a record that cannot be read, with the reason. */
export function badRow(number: number, message: string): BadRow {
  return { number, problems: [{ message }] };
}
