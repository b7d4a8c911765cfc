import { Command } from 'commander';
import type { Io } from '../io.js';
import { resultsFlagsSchema } from '../run-flags.js';
import { addPlaceFlags } from '../temporal-flags.js';

const DESCRIPTION = `Write the results of a run: all of them when it has ended, and with --partial
what it has so far. Looks into the run's storage and asks no server.`;

const EXAMPLE = `
Example:
  $ dria-temporal results YourRunId -o results.jsonl`;

/** The command `results`. */
export function resultsCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('results')
    .summary('Write the results of a run')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('-o, --output <file>', 'Results, JSONL. Default: standard output.')
    .option('--partial', 'Write the answers so far of a run that has not ended.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { showResults } = await import('../show-results.js');
      onExitCode(await showResults(id, resultsFlagsSchema.parse(flags), io));
    });
  return addPlaceFlags(command);
}
