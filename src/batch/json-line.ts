/** Line ends to other readers than JSON's, and halves of surrogate pairs as `JSON.stringify` escapes them. */
const UNSAFE = /[\u0085\u2028\u2029]|\\ud[89a-f]/;

/** The same, with the escaped backslashes between them, so that text that only looks like an escape is left alone. */
const ESCAPES = /\\\\|\\ud[89a-f][0-9a-f]{2}|[\u0085\u2028\u2029]/g;

/**
 * Returns a value as JSON that is one line to every reader: U+0085, U+2028 and U+2029 are escaped, and half of a surrogate
 * pair, which strict readers refuse, becomes U+FFFD.
 */
export function oneLineJson(value: unknown): string {
  const text = JSON.stringify(value);
  return UNSAFE.test(text) ? text.replace(ESCAPES, safe) : text;
}

/** Returns {@link oneLineJson} with a line end. */
export function jsonLine(value: unknown): string {
  return `${oneLineJson(value)}\n`;
}

function safe(match: string): string {
  if (match === '\\\\') return match;
  if (match.length > 1) return '\ufffd';
  return `\\u${match.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
