import { fieldText } from './field-text.js';

/** Returns a line of JSON, an object, with columns as its last field: the text of another object, as it is. */
export function appendColumns(line: string, columns: string | undefined): string {
  return columns === undefined ? line : `${line.slice(0, -1)},"columns":${columns}}`;
}

/** Returns what a line of the input has for the output: the text of a JSON object on one line; undefined without it. */
export function columnsIn(line: Buffer): string | undefined {
  const text = fieldText(line, 'columns');
  // An invalid line may have anything there.
  return text?.startsWith('{') === true ? onOneLine(text) : undefined;
}

/** Characters that end a line for some reader. In JSON they stand in texts, but for CR and LF, which never do. */
const LINE_ENDS = /[\r\n\u0085\u2028\u2029]/g;

/** Returns JSON as it stands in a file on one line, and otherwise as it is: no digit and no escape of it changes. */
export function onOneLine(json: string): string {
  return json.replace(LINE_ENDS, (end) =>
    end === '\r' || end === '\n' ? ' ' : `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
