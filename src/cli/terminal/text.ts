import { stripVTControlCharacters } from 'node:util';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** What a terminal shows two columns wide: East Asian wide and full-width forms, and pictures (Unicode UAX #11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

const PLAIN = /^[ -~]*$/;

/** Control characters, and the marks that change the direction of the text after them. */
const CONTROL = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu;

/**
 * Text from outside as one line that cannot steer the terminal: escape sequences are removed, every other run of
 * control characters becomes a space.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text).replace(CONTROL, ' ').trim();
}

/** Like {@link clean}, with the line ends of the text kept. */
export function cleanLines(text: string): string[] {
  return text.split(/\r\n|\r|\n/).map((line) => clean(line));
}

/** Columns that a text without escape sequences takes. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** The text within `width` columns, with … where it was cut. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 1) return '';
  let used = 0;
  let kept = '';
  for (const { segment } of graphemes.segment(text)) {
    used += graphemeWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** The text within exactly `width` columns, filled with spaces at its end. */
export function padEnd(text: string, width: number): string {
  const clipped = clip(text, width);
  return clipped + ' '.repeat(width - widthOf(clipped));
}

/** The text within exactly `width` columns, filled with spaces at its start. */
export function padStart(text: string, width: number): string {
  const clipped = clip(text, width);
  return ' '.repeat(width - widthOf(clipped)) + clipped;
}

/** A text of words in lines of at most `width` columns; a word that is longer has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || widthOf(line) + 1 + widthOf(word) > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

/** A text from outside after its name, over as many lines of at most `width` columns as it takes. */
export function namedLines(name: string, text: string, width: number): string[] {
  const indent = widthOf(name);
  return wrap(clean(text), width - indent).map((line, at) => `${at === 0 ? name : ' '.repeat(indent)}${line}`);
}
