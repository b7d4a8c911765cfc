import { readFileSync } from 'node:fs';
import { z } from 'zod';

const lineSchema = z.looseObject({
  id: z.union([z.string(), z.number()]),
  model: z.string().nullable(),
  output: z.string().optional(),
  error: z.string().optional(),
  tokens: z.number().optional(),
});

/** A line of results, as a reader of the file finds it. */
export type ResultLine = z.output<typeof lineSchema>;

/** The lines of results; fails where a line is none, or the last one has no end. */
export function resultLines(text: string): ResultLine[] {
  if (!text.endsWith('\n')) throw new Error('the results do not end with a line end');
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => lineSchema.parse(JSON.parse(line)));
}

/** The lines of a results file. */
export function readResults(path: string): ResultLine[] {
  return resultLines(readFileSync(path, 'utf8'));
}
