import { type Command, Option } from 'commander';
import { z } from 'zod';
import { INPUT_FORMATS, type ReadOptions, readOptionsSchema } from '../batch/read-options.js';
import { parseFlags } from './parse-flags.js';
import { addRowFlags, rowFlagsShape, rowOptionsOf } from './row-flags.js';

/** Flags that say how an input is read, as commander gives them. */
export const readFlagsShape = {
  format: z.string().optional(),
  delimiter: z.string().optional(),
  header: z.boolean().default(true),
  idFrom: z.string().optional(),
  ...rowFlagsShape,
};
const readFlagsSchema = z.object(readFlagsShape);
export type ReadFlags = z.infer<typeof readFlagsSchema>;

/** Adds the flags that say how an input is read. */
export function addReadFlags(command: Command): Command {
  return addRowFlags(
    command
      .optionsGroup('Input:')
      .addOption(new Option('--format <name>', 'Format of the input. Default: by its content.').choices(INPUT_FORMATS))
      .option('--delimiter <character>', 'Between the cells of a CSV. Default: a comma; tab: a tab.')
      .option('--no-header', 'The first row of a CSV is data: its columns are 1, 2, 3 ….')
      .option('--id-from <template>', "Id of each item, as '{{file}}:{{row}}'. Default: its own, else its number."),
  );
}

/** Returns how the flags have an input read. Throws a `UserError` that names the flag. */
export async function readOptionsOf(
  { format, delimiter, header, idFrom, ...rows }: ReadFlags,
  interrupt: AbortSignal,
): Promise<ReadOptions> {
  return parseFlags(readOptionsSchema, {
    ...(format === undefined ? {} : { format }),
    ...(delimiter === undefined ? {} : { delimiter: delimiterOf(delimiter) }),
    ...(header ? {} : { header }),
    ...(idFrom === undefined ? {} : { idFrom }),
    ...(await rowOptionsOf(rows, interrupt)),
  });
}

function delimiterOf(text: string): string {
  return text === 'tab' || text === '\\t' ? '\t' : text;
}
