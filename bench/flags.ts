import { z } from 'zod';

/** Whole numbers from 1 to `most`, as `1,2,4`. */
export function numbersFlag(most: number) {
  return z
    .string()
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.int().min(1).max(most)).min(1));
}

/** A range of ms, as `300-1200`. */
export const latencyFlagSchema = z
  .string()
  .regex(/^\d+-\d+$/, 'expected a range of ms such as 300-1200')
  .transform((text) => text.split('-').map(Number))
  .transform(([minMs = 0, maxMs = 0]) => ({ minMs, maxMs }))
  .refine(({ minMs, maxMs }) => minMs <= maxMs, 'the first time must not be over the second');

/** Reads flags by their schema. Throws an Error that says what is wrong with them. */
export function checkFlags<S extends z.ZodType>(schema: S, flags: unknown): z.output<S> {
  const parsed = schema.safeParse(flags);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}
