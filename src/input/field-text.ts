const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** Blanks before an object that are looked through. */
const MAX_INDENT = 256;
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);

/**
 * Returns a field's value as a JSON object writes it, so that no digit of it is lost: a JavaScript number does not hold
 * every number. Undefined if the object does not have the field, and for text that is no object. The last one counts, as in
 * `JSON.parse`, of a name that stands there more than once.
 */
export function fieldText(object: Buffer, field: string): string | undefined {
  let found: string | undefined;
  for (const [name, from, to] of fieldRanges(object)) {
    if (name === field) found = object.toString('utf8', from, to).trim();
  }
  return found;
}

/** Yields the fields of a JSON object with the range of bytes in which each value lies. */
export function* fieldRanges(
  object: Buffer,
): Generator<readonly [name: string, from: number, to: number], void, undefined> {
  if (!/^\s*\{/.test(object.toString('latin1', 0, MAX_INDENT))) return;
  let depth = 0;
  let name: string | undefined;
  let from = 0;
  for (let at = 0; at < object.length; at++) {
    const byte = object[at] ?? 0;
    if (byte === QUOTE) {
      const end = stringEnd(object, at);
      if (end === undefined) return;
      if (depth === 1 && name === undefined) {
        name = nameOf(object.subarray(at, end));
        from = object.indexOf(COLON, end) + 1;
        if (name === undefined || from === 0) return;
        at = from - 1;
      } else {
        at = end - 1;
      }
    } else if (OPENING.has(byte)) {
      depth++;
    } else if (CLOSING.has(byte) || (byte === COMMA && depth === 1)) {
      if (depth === 1 && name !== undefined) yield [name, from, at];
      if (depth === 1) name = undefined;
      if (byte !== COMMA) depth--;
    }
  }
}

/** Returns where the string that begins at a quote ends, behind its closing quote; undefined if it does not. */
function stringEnd(text: Buffer, from: number): number | undefined {
  for (let at = text.indexOf(QUOTE, from + 1); at !== -1; at = text.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return undefined;
}

function nameOf(quoted: Buffer): string | undefined {
  try {
    const name: unknown = JSON.parse(quoted.toString('utf8'));
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
