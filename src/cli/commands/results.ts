import { Command } from 'commander';
import { addFormatFlags } from '../format-flags.js';
import type { Io } from '../io.js';
import { OUTPUT_HELP, resultsFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Write the results of a run: all of them when it has ended, and with --partial
what it has so far. With --failed the items that failed, as an input that can be
run as it is, each with its error beside it. With --since-last the lines that
came since the last such call, for what reads a run while it goes on.

Looks into the run's storage; no server is needed.`;

const EXAMPLE = `
Example:
  Run again what failed:

    $ dria-temporal results YourRunId --failed -o failed.jsonl
    $ dria-temporal batch failed.jsonl -o more-results.jsonl

  Feed another system while the run goes on:

    $ dria-temporal results YourRunId --since-last --follow >> lines.jsonl`;

/** The command `results`. */
export function resultsCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('results')
    .summary('Write the results of a run')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('-o, --output <file>', OUTPUT_HELP)
    .option('--partial', 'Write the answers so far of a run that has not ended.')
    .option('--failed', 'Write the failed items as an input, with their errors.')
    .option('--since-last', 'Write the lines that came since the last such call.')
    .option('--cursor <name>', 'Whose last call, if a run has several readers. Default: default.')
    .option('--follow', 'With --since-last: write lines as they come, until the run ends.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { showResults } = await import('../show-results.js');
      onExitCode(await showResults(id, resultsFlagsSchema.parse(flags), io));
    });
  return addTemporalFlags(addFormatFlags(command));
}
