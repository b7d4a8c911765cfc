import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags } from '../flags.js';

const flagsSchema = z.object({
  items: z.coerce.number().pipe(z.int().min(1).max(100_000_000)),
  outputs: z.string().transform((text) => text.split(',')),
  json: z.boolean(),
});

/** What is measured: the results of so many items, written to each output. */
export type FormatsOptions = z.output<typeof flagsSchema>;

/** Reads the arguments after `formats`. Throws an Error that says what is wrong with them. */
export function parseFormatsOptions(args: readonly string[]): FormatsOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      items: { type: 'string', default: '1000000' },
      outputs: { type: 'string', default: 'jsonl,jsonl.gz,csv,parquet,json' },
      json: { type: 'boolean', default: false },
    },
  });
  return checkFlags(flagsSchema, values);
}
