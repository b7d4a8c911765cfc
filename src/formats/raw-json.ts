/** A JSON value as it is written: a JavaScript number does not hold every digit. */
export type RawJson = string;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/** What changes the depth of a value, and strings, in which it does not. */
const STRUCTURE = /["{}[\]]/g;

/** Calls `visit` for each field of a JSON object, in its order. Throws a `SyntaxError` for what is none. */
export function eachField(object: RawJson, visit: (name: string, value: RawJson) => void): void {
  let at = enter(object, 0x7b);
  while (!isClosing(object.charCodeAt(at))) {
    const nameEnd = stringEnd(object, at);
    const name = textOf(object.slice(at, nameEnd));
    const colon = skipSpace(object, nameEnd);
    if (object.charCodeAt(colon) !== COLON) throw broken(colon);
    const start = skipSpace(object, colon + 1);
    const end = valueEnd(object, start);
    visit(name, object.slice(start, end));
    at = nextValue(object, end);
  }
}

/** Returns the elements of a JSON array. Throws a `SyntaxError` for what is none. */
export function elementsOf(array: RawJson): RawJson[] {
  const elements: RawJson[] = [];
  let at = enter(array, 0x5b);
  while (!isClosing(array.charCodeAt(at))) {
    const end = valueEnd(array, at);
    elements.push(array.slice(at, end));
    at = nextValue(array, end);
  }
  return elements;
}

/** Returns the text of a JSON string, and any other value as it is written. */
export function textOf(value: RawJson): string {
  if (value.charCodeAt(0) !== QUOTE) return value;
  return value.includes('\\') ? String(JSON.parse(value)) : value.slice(1, -1);
}

/** Returns the place of the first value, or of the closing bracket. */
function enter(text: RawJson, opening: number): number {
  const at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== opening) throw broken(at);
  return skipSpace(text, at + 1);
}

/** Returns the place of the value behind a comma, or of the closing bracket. */
function nextValue(text: RawJson, end: number): number {
  const at = skipSpace(text, end);
  const code = text.charCodeAt(at);
  if (isClosing(code)) return at;
  if (code !== COMMA) throw broken(at);
  const next = skipSpace(text, at + 1);
  if (isClosing(text.charCodeAt(next))) throw broken(next);
  return next;
}

function valueEnd(text: RawJson, start: number): number {
  const code = text.charCodeAt(start);
  if (code === QUOTE) return stringEnd(text, start);
  if (isOpening(code)) return nestedEnd(text, start);
  let at = start;
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at++;
  if (at === start) throw broken(at);
  return at;
}

function endsScalar(code: number): boolean {
  return code === COMMA || isClosing(code) || isSpace(code);
}

function nestedEnd(text: RawJson, start: number): number {
  let depth = 0;
  for (let at = start; ; ) {
    STRUCTURE.lastIndex = at;
    const match = STRUCTURE.exec(text);
    if (match === null) throw broken(text.length);
    const code = text.charCodeAt(match.index);
    if (code === QUOTE) {
      at = stringEnd(text, match.index);
      continue;
    }
    depth += isOpening(code) ? 1 : -1;
    at = match.index + 1;
    if (depth === 0) return at;
  }
}

/** Returns the place behind a string that begins at `start`. */
function stringEnd(text: RawJson, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) throw broken(start);
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
  throw broken(text.length);
}

function isOpening(code: number): boolean {
  return code === 0x7b || code === 0x5b;
}

function isClosing(code: number): boolean {
  return code === 0x7d || code === 0x5d;
}

function skipSpace(text: RawJson, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function broken(at: number): SyntaxError {
  return new SyntaxError(`no JSON at character ${at + 1}`);
}
