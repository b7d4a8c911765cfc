import { z } from 'zod';
import { printable } from './excerpt.js';
import { identityOf, type ParsedLine } from './parse-line.js';
import { appendColumns } from './record-line.js';
import type { InvalidRow } from './rows.js';

/** How the line of a row begins that cannot be an item. */
const BEGIN = Buffer.from('{"problems":[{');

const problemSchema = z.strictObject({
  field: z.string().optional(),
  column: z.string().optional(),
  message: z.string(),
});

const problemsSchema = z.object({
  problems: z.array(problemSchema).nonempty(),
});

/** Returns the line that a converted stream has for a row that cannot be an item: its problems, its id and its columns. */
export function problemLine({ problems, id, columns }: InvalidRow): string {
  return appendColumns(JSON.stringify({ problems, ...(id === undefined ? {} : { id }) }), columns);
}

/** Returns the problems in a line of a converted stream, as of a line that cannot be read; undefined for any other line. */
export function problemsInLine(content: Buffer): ParsedLine | undefined {
  if (!content.subarray(0, BEGIN.length).equals(BEGIN)) return undefined;
  try {
    const value: unknown = JSON.parse(content.toString('utf8'));
    const problems = problemsSchema.parse(value).problems.map(({ field, column, message }) => ({
      ...(field === undefined ? {} : { field }),
      ...(column === undefined ? {} : { column }),
      message: printable(message),
    }));
    const identity = identityOf(value);
    return { ok: false, problems, identity: identity?.id === undefined ? undefined : identity };
  } catch {
    return undefined;
  }
}
