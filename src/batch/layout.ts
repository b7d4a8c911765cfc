import type { Modality } from './modality.js';

/** What an item is in a chunk's layout: its modality, or `invalid` for a line that was skipped. */
export type LayoutCode = Modality | 'invalid';

/** Consecutive items that are the same. */
export interface LayoutRun {
  readonly code: LayoutCode;
  /** Items, at least 1. */
  readonly count: number;
}

const LETTERS: Readonly<Record<LayoutCode, string>> = { text: 't', vision: 'v', audio: 'a', invalid: 'x' };
const CODES: ReadonlyMap<string, LayoutCode> = new Map([
  ['t', 'text'],
  ['v', 'vision'],
  ['a', 'audio'],
  ['x', 'invalid'],
]);

/** Writes what the items of a chunk are, in input order, run-length encoded: `t3v1x2`. */
export function encodeLayout(codes: readonly LayoutCode[]): string {
  let layout = '';
  let count = 0;
  codes.forEach((code, position) => {
    count++;
    if (codes[position + 1] === code) return;
    layout += LETTERS[code] + count;
    count = 0;
  });
  return layout;
}

/** Reads a layout as runs. Throws a `RangeError` for a text that {@link encodeLayout} cannot have written. */
export function layoutRuns(layout: string): LayoutRun[] {
  if (!/^(?:[tvax][1-9]\d*)*$/.test(layout)) throw new RangeError(`not a layout of items: ${layout.slice(0, 40)}`);
  return Array.from(layout.matchAll(/([tvax])(\d+)/g), ([, letter = '', count]) => ({
    code: CODES.get(letter) ?? 'invalid',
    count: Number(count),
  }));
}

/** Reads a layout as one code per item, in input order. Throws a `RangeError` as {@link layoutRuns} does. */
export function decodeLayout(layout: string): LayoutCode[] {
  return layoutRuns(layout).flatMap(({ code, count }) => new Array<LayoutCode>(count).fill(code));
}

/** Items of a layout by what they are. Throws a `RangeError` as {@link layoutRuns} does. */
export function countLayout(layout: string): Record<LayoutCode, number> {
  const counts: Record<LayoutCode, number> = { text: 0, vision: 0, audio: 0, invalid: 0 };
  for (const { code, count } of layoutRuns(layout)) counts[code] += count;
  return counts;
}
