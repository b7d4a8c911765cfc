import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags, latencyFlagSchema } from '../flags.js';

const flagsSchema = z.object({
  items: z.coerce.number().pipe(z.int().min(100).max(10_000_000).multipleOf(100)),
  lanes: z.coerce.number().pipe(z.int().min(1).max(2000)),
  latency: latencyFlagSchema,
  json: z.boolean(),
  cli: z.string().optional(),
});

/** What is measured: a run, the run after it, and one with items that are the same. */
export type AgainOptions = z.output<typeof flagsSchema>;

/** Reads the arguments after `again`. Throws an Error that says what is wrong with them. */
export function parseAgainOptions(args: readonly string[]): AgainOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      items: { type: 'string', default: '1000000' },
      lanes: { type: 'string', default: '50' },
      latency: { type: 'string', default: '0-0' },
      json: { type: 'boolean', default: false },
      cli: { type: 'string' },
    },
  });
  return checkFlags(flagsSchema, values);
}
