import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags, numbersFlag } from '../flags.js';

const flagsSchema = z.object({
  /** Seconds that an answer takes; one run for each. */
  answers: numbersFlag(600),
  items: z.coerce.number().pipe(z.int().min(1).max(100_000)),
  concurrency: z.coerce.number().pipe(z.int().min(1).max(2000)),
  workers: z.coerce.number().pipe(z.int().min(1).max(16)),
  json: z.boolean(),
});

/** What is measured. */
export type ActionsOptions = z.output<typeof flagsSchema>;

/** Reads the arguments after `actions`. Throws an Error that names what is wrong with them. */
export function parseActionsOptions(args: readonly string[]): ActionsOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      answers: { type: 'string', default: '1,10,60' },
      items: { type: 'string', default: '1000' },
      concurrency: { type: 'string', default: '200' },
      workers: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
    },
  });
  return checkFlags(flagsSchema, values);
}
