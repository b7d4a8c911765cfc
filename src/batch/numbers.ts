import { z } from 'zod';

/** Maximum of a count, and of a sum of counts: any two of them add up to a safe integer. */
export const MAX_COUNT = 1e15;

/** Maximum of an amount of money or credits, whichever sign it has. */
export const MAX_AMOUNT = 1e12;

/** Latest time, epoch ms: no date is later. */
export const MAX_TIME = 8.64e15;

/** A count in a file or a message. */
export const countSchema = z.int().min(0).max(MAX_COUNT);

/** A time in a file or a message, epoch ms. */
export const timeSchema = z.int().min(0).max(MAX_TIME);

/** Returns the sum of counts, {@link MAX_COUNT} for a larger one. */
export function sumCounts(...counts: readonly number[]): number {
  return counts.reduce((sum, count) => Math.min(sum + count, MAX_COUNT), 0);
}

/** Returns a number from outside, or its digits, as a count from 0 to `most`; undefined for anything else. */
export function countFrom(value: unknown, most = MAX_COUNT): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number) || number < 0) return undefined;
  return Math.min(Math.floor(number), most);
}

/** Returns a number from outside, or its decimal digits, as an amount within {@link MAX_AMOUNT}; undefined for anything else. */
export function amountFrom(value: unknown): number | undefined {
  const isText = typeof value === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value.trim());
  const number = isText ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) return undefined;
  return Math.max(-MAX_AMOUNT, Math.min(number, MAX_AMOUNT));
}
