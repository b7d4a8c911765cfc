import { parseArgs } from 'node:util';
import { z } from 'zod';
import { latencyFlagSchema } from '../options.js';

const flagsSchema = z.object({
  sizes: z
    .string()
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.int().min(1).max(10_000_000)).min(1)),
  lanes: z.coerce.number().pipe(z.int().min(1).max(2000)),
  latency: latencyFlagSchema,
  json: z.boolean(),
  cli: z.string().optional(),
});

/** What is measured: one run for each size. */
export type ScaleOptions = z.output<typeof flagsSchema>;

/** Reads the arguments after `scale`. Throws an Error that says what is wrong with them. */
export function parseScaleOptions(args: readonly string[]): ScaleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: { type: 'string', default: '1000,10000,100000,1000000' },
      lanes: { type: 'string', default: '50' },
      latency: { type: 'string', default: '0-0' },
      json: { type: 'boolean', default: false },
      cli: { type: 'string' },
    },
  });
  const parsed = flagsSchema.safeParse(values);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}
