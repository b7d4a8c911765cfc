import { type Command, Option } from 'commander';
import { z } from 'zod';
import { OUTPUT_FORMATS } from '../batch/output-format.js';

/** Flags that say how results are written. */
export const formatFlagsSchema = z.object({
  outputFormat: z.enum(OUTPUT_FORMATS).optional(),
  flatten: z.boolean().default(false),
});
export type FormatFlags = z.output<typeof formatFlagsSchema>;

/** Adds the flags that say how results are written. */
export function addFormatFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--output-format <format>', "Format of the results. Default: by the output's extension.").choices(
        OUTPUT_FORMATS,
      ),
    )
    .option('--flatten', 'Write each field of a structured answer as a column of its own.');
}
