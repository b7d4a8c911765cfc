import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags, latencyFlagSchema, numbersFlag } from '../flags.js';

const flagsSchema = z.object({
  workers: numbersFlag(64),
  items: z.coerce.number().pipe(z.int().min(1).max(10_000_000)),
  requests: z.coerce.number().pipe(z.int().min(1).max(1000)),
  latency: latencyFlagSchema,
  json: z.boolean(),
});

/** What is measured: one run for each number of workers. */
export type WorkersOptions = z.output<typeof flagsSchema>;

/** Reads the arguments after `workers`. Throws an Error that says what is wrong with them. */
export function parseWorkersOptions(args: readonly string[]): WorkersOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workers: { type: 'string', default: '1,2,4' },
      items: { type: 'string', default: '4000' },
      requests: { type: 'string', default: '25' },
      latency: { type: 'string', default: '300-1200' },
      json: { type: 'boolean', default: false },
    },
  });
  return checkFlags(flagsSchema, values);
}
