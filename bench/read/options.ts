import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags } from '../flags.js';

/** What can be read, by the ends of the files' names. */
export const READ_FORMATS = ['jsonl', 'csv', 'csv.gz', 'json', 'parquet'] as const;
export type ReadFormat = (typeof READ_FORMATS)[number];

const flagsSchema = z.object({
  rows: z.coerce.number().pipe(z.int().min(1).max(100_000_000)),
  formats: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(READ_FORMATS)).min(1)),
  json: z.boolean(),
});

/** What is measured: one file of so many rows for each format. */
export type ReadOptions = z.output<typeof flagsSchema>;

/** Reads the arguments after `read`. Throws an Error that says what is wrong with them. */
export function parseReadOptions(args: readonly string[]): ReadOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: '10000000' },
      formats: { type: 'string', default: 'jsonl,csv,parquet' },
      json: { type: 'boolean', default: false },
    },
  });
  return checkFlags(flagsSchema, values);
}
