import { cellText, isAbsent } from './cell.js';
import { inQuotes, quotedName } from './column-name.js';

/** A text with places for the columns of a row. */
export interface Template {
  /** Texts and the columns between them, in order. */
  readonly parts: readonly (string | { readonly column: string })[];
  /** The columns, each once, in the order in which they come first. */
  readonly columns: readonly string[];
}

/** Two opening braces, with the backslashes before them. Of more than two braces the last two open. */
const OPENING = /(\\*)\{\{(?!\{)/g;

/** How two braces are written that open nothing. */
const LITERAL = 'for two braces as text write \\{{';

/**
 * Reads a template: `{{name}}` stands for the column of that name, blanks within the braces do not count. A name with braces
 * or blanks at its ends is in double quotes, as JSON writes a text. `\{{` is two braces. All else is text. Throws a
 * `RangeError` that says what to write.
 */
export function parseTemplate(text: string): Template {
  const parts: (string | { readonly column: string })[] = [];
  let literal = '';
  let from = 0;
  OPENING.lastIndex = 0;
  for (let found = OPENING.exec(text); found !== null; found = OPENING.exec(text)) {
    const [opening, backslashes = ''] = found;
    // Of the backslashes before the braces, and only of those, two are one.
    literal += text.slice(from, found.index) + backslashes.slice(0, Math.floor(backslashes.length / 2));
    from = found.index + opening.length;
    if (backslashes.length % 2 === 1) {
      literal += '{{';
      continue;
    }
    const { column, length } = columnAt(text, from);
    if (literal !== '') parts.push(literal);
    parts.push({ column });
    literal = '';
    from += length;
    OPENING.lastIndex = from;
  }
  literal += text.slice(from);
  if (literal !== '') parts.push(literal);
  const columns = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.column]));
  return { parts, columns: [...new Set(columns)] };
}

/** Returns the column named from `from` on, behind the opening braces, and the length up to and with the closing ones. */
function columnAt(text: string, from: number): { readonly column: string; readonly length: number } {
  const rest = text.slice(from);
  const blanks = rest.length - rest.trimStart().length;
  const quoted = quotedName(rest.slice(blanks));
  const end = rest.indexOf('}}', blanks + (quoted?.length ?? 0));
  if (end === -1) throw new RangeError(`the braces at character ${from - 1} are not closed; ${LITERAL}`);
  const name = rest.slice(0, end).trim();
  if (quoted !== undefined && name.length === quoted.length) return { column: quoted.name, length: end + 2 };
  if (name === '') throw new RangeError(`the braces at character ${from - 1} name no column; ${LITERAL}`);
  if (/[{}\n]/.test(name)) throw new RangeError(`${inQuotes(`{{${name}}}`)} names no column; ${LITERAL}`);
  return { column: name, length: end + 2 };
}

/** Returns the text of a template without columns; undefined for one with columns. */
export function constantText({ parts, columns }: Template): string | undefined {
  return columns.length === 0 ? parts.join('') : undefined;
}

/** What a template makes of a row: its text, or the columns that have no value there. */
export type Filled = { readonly text: string } | { readonly absent: readonly string[] };

/** Puts the values of a row's columns into a template. What is in a value is text: nothing of it is replaced. */
export function fillTemplate({ parts, columns }: Template, cell: (column: string) => unknown): Filled {
  const absent = columns.filter((column) => isAbsent(cell(column)));
  if (absent.length > 0) return { absent };
  return { text: parts.map((part) => (typeof part === 'string' ? part : cellText(cell(part.column)))).join('') };
}
