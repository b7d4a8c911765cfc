import { Command } from 'commander';
import type { Io } from '../io.js';
import { number } from '../number-option.js';
import { parseReportFlags } from '../run-flags.js';
import { addPlaceFlags } from '../temporal-flags.js';

const DESCRIPTION = `Write a page about a run: throughput, latency and share of each model, failures
by kind, and a table of its rows to search in. One HTML file that needs no
network, also of a run that has not ended. Looks into the run's storage and asks
no server.`;

const EXAMPLE = `
Example:
  $ dria-temporal report YourRunId -o report.html`;

/** The command `report`. */
export function reportCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('report')
    .summary('Write a page about a run')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('-o, --output <file>', 'The page, HTML. Default: standard output.')
    .addOption(number('--rows <n>', 'Rows in the table at most. Default: 200000.'))
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { showReport } = await import('../show-report.js');
      onExitCode(await showReport(id, parseReportFlags(flags), io));
    });
  return addPlaceFlags(command);
}
