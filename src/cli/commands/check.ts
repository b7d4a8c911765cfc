import { Command } from 'commander';
import type { Io } from '../io.js';
import { addReadFlags } from '../read-flags.js';
import { apiOption } from '../run-flags.js';
import { collect } from '../temporal-flags.js';

const DESCRIPTION = `Say what is in an input: format, columns, items by modality, duplicates,
estimated tokens, and the first lines that are wrong.

Asks no endpoint, needs no key and no server, and starts nothing.`;

const EXAMPLE = `
Exit codes:
  0 all items are valid, 2 some are not or the input cannot be read

Example:
  Look at a CSV, and at the prompts that would be made of it:

    $ dria-temporal check reviews.csv
    $ dria-temporal check reviews.csv --prompt 'Sentiment of: {{text}}'`;

/** The command `check`. */
export function checkCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('check')
    .summary('Say what is in an input')
    .description(DESCRIPTION)
    .argument('<input...>', 'Files of prompts, patterns, s3://bucket/key; - for standard input.')
    .option('--attachments-root <folder>', 'Further folder for attachments. Repeatable.', collect)
    .addOption(apiOption())
    .option('--json', 'Print one line of JSON.')
    .addHelpText('after', EXAMPLE)
    .action(async (inputs: string[], given: unknown) => {
      const { checkFlagsSchema, checkInput } = await import('../check-input.js');
      onExitCode(await checkInput(inputs, checkFlagsSchema.parse(given), io));
    });
  return addReadFlags(command);
}
