import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags, latencyFlagSchema, numbersFlag } from '../flags.js';

const flagsSchema = z.object({
  sizes: numbersFlag(10_000_000),
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
  return checkFlags(flagsSchema, values);
}
