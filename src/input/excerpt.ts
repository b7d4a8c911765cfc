/** Characters of the input that a message shows at most. */
const MAX_EXCERPT = 60;

/** Control and format characters (bidirectional ones too) and half surrogates: they could rewrite a terminal's line. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text from the input made safe for a terminal: control characters written as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** A short, quoted, printable piece of a text from the input, for a message. */
export function excerpt(text: string, limit = MAX_EXCERPT): string {
  const short = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return `"${printable(short)}"`;
}
