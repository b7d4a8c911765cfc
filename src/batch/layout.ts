import { MODALITIES, type Modality, type ModalityCounts, noModalityCounts, withMore } from './modality.js';

/**
 * What an item is in a chunk's layout: its modality if it is asked; `invalid` for a line that was skipped; `twin-…` for one
 * that is the same as an earlier item and gets its line; `reused-…` for one whose answer was taken from an earlier run.
 */
export type LayoutCode = Modality | 'invalid' | UnaskedCode;

type UnaskedCode = `twin-${Modality}` | `reused-${Modality}`;

/** Consecutive items that are the same. */
export interface LayoutRun {
  readonly code: LayoutCode;
  /** Items, at least 1. */
  readonly count: number;
}

const LETTERS: Readonly<Record<LayoutCode, string>> = {
  text: 't',
  vision: 'v',
  audio: 'a',
  invalid: 'x',
  'twin-text': 'p',
  'twin-vision': 'q',
  'twin-audio': 'r',
  'reused-text': 'T',
  'reused-vision': 'V',
  'reused-audio': 'A',
  document: 'd',
  'vision+audio': 'm',
  'vision+document': 'f',
  'audio+document': 'h',
  'vision+audio+document': 'o',
  'twin-document': 's',
  'twin-vision+audio': 'n',
  'twin-vision+document': 'g',
  'twin-audio+document': 'i',
  'twin-vision+audio+document': 'u',
  'reused-document': 'D',
  'reused-vision+audio': 'M',
  'reused-vision+document': 'F',
  'reused-audio+document': 'H',
  'reused-vision+audio+document': 'O',
};
const CODES: ReadonlyMap<string, LayoutCode> = new Map(
  MODALITIES.flatMap((modality) => {
    const codes: readonly LayoutCode[] = [modality, `twin-${modality}`, `reused-${modality}`];
    return codes.map((code) => [LETTERS[code], code] as const);
  }),
);

const LAYOUT = new RegExp(`^(?:[${Object.values(LETTERS).join('')}][1-9]\\d*)*$`);

/** Returns the modality of an item that is asked; undefined for one that is not. */
export function askedAs(code: LayoutCode): Modality | undefined {
  return MODALITIES.find((modality) => modality === code);
}

/** Returns the modality of an item, asked or not; undefined for an invalid line. */
export function modalityOf(code: LayoutCode): Modality | undefined {
  return MODALITIES.find((modality) => modality === code.slice(code.indexOf('-') + 1));
}

/** Returns true for an item that gets the line of an earlier one. */
export function isTwin(code: LayoutCode): boolean {
  return code.startsWith('twin-');
}

/** Returns true for an item whose answer was taken from an earlier run. */
export function isReused(code: LayoutCode): boolean {
  return code.startsWith('reused-');
}

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

/** Writes runs as {@link encodeLayout} does their items. */
export function layoutOfRuns(runs: readonly LayoutRun[]): string {
  let layout = '';
  let count = 0;
  runs.forEach((run, position) => {
    count += run.count;
    if (runs[position + 1]?.code === run.code) return;
    layout += LETTERS[run.code] + count;
    count = 0;
  });
  return layout;
}

/** Reads a layout as runs. Throws a `RangeError` for a text that {@link encodeLayout} cannot have written. */
export function layoutRuns(layout: string): LayoutRun[] {
  if (!LAYOUT.test(layout)) throw new RangeError(`not a layout of items: ${layout.slice(0, 40)}`);
  return Array.from(layout.matchAll(/([a-zA-Z])(\d+)/g), ([, letter = '', count]) => ({
    code: CODES.get(letter) ?? 'invalid',
    count: Number(count),
  }));
}

/** Reads a layout as one code per item, in input order. Throws a `RangeError` as {@link layoutRuns} does. */
export function decodeLayout(layout: string): LayoutCode[] {
  return layoutRuns(layout).flatMap(({ code, count }) => new Array<LayoutCode>(count).fill(code));
}

/** Items of a layout, counted. */
export interface LayoutCounts {
  /** Items that are asked, by modality. */
  readonly asked: Readonly<ModalityCounts>;
  /** Invalid lines that were skipped. */
  readonly invalid: number;
  /** Items that get the line of an earlier one. */
  readonly twins: number;
  /** Items whose answer was taken from an earlier run. */
  readonly reused: number;
}

/** Counts the items of a layout by what they are. Throws a `RangeError` as {@link layoutRuns} does. */
export function countLayout(layout: string): LayoutCounts {
  let asked = noModalityCounts();
  const counts = { invalid: 0, twins: 0, reused: 0 };
  for (const { code, count } of layoutRuns(layout)) {
    const modality = askedAs(code);
    if (modality !== undefined) asked = withMore(asked, modality, count);
    else if (isTwin(code)) counts.twins += count;
    else if (isReused(code)) counts.reused += count;
    else counts.invalid += count;
  }
  return { asked, ...counts };
}
