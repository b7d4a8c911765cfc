import type { Asked } from '../chat-request.js';
import { chance } from '../hash.js';
import { BadQuirk, type QuirkContext } from './quirk.js';

/** Reads a number that is not negative. Without a value: `otherwise`. */
export function readNumber(value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number < 0)
    throw new BadQuirk(`expected a number, not ${value}`);
  return number;
}

/** Reads one of several words. Without a value: one that the seed chooses, the same for the whole endpoint. */
export function readChoice<T extends string>(
  value: string | undefined,
  choices: readonly [T, ...T[]],
  { seed }: QuirkContext,
): T {
  if (value === undefined) return pick(choices, 'shape', seed, choices.join());
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new BadQuirk(`expected one of ${choices.join(', ')}, not ${value}`);
  return found;
}

/** Splits `a,b` at the last comma; what is missing is undefined. */
export function readPair(value: string | undefined): readonly [string | undefined, string | undefined] {
  if (value === undefined) return [undefined, undefined];
  const comma = value.lastIndexOf(',');
  if (comma < 0) return [value, undefined];
  return [value.slice(0, comma) || undefined, value.slice(comma + 1) || undefined];
}

/**
 * Reads which items a quirk is about: `5` for one in five, chosen by seed and content and so always the same ones, or
 * a text that their prompts include.
 */
export function readItems(
  value: string | undefined,
  otherwise: number,
  { seed }: QuirkContext,
): (asked: Asked) => boolean {
  const every = value === undefined ? otherwise : Number(value);
  if (Number.isNaN(every)) return ({ question }) => question.prompt.includes(value ?? '');
  if (every < 1) throw new BadQuirk(`expected a number of 1 or more, or a text, not ${value}`);
  return ({ question }) => chance('items', seed, question.content)[0] * every < 1;
}

/** Picks one of several values by the words given. */
export function pick<const T extends readonly [unknown, ...unknown[]]>(
  values: T,
  ...words: readonly (string | number)[]
): T[number] {
  return values[Math.floor(chance('pick', ...words)[0] * values.length)] ?? values[0];
}
