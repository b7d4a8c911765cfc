import { Command } from 'commander';
import { EXIT, type Io } from '../io.js';
import { runFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const EXAMPLE = `
Example:
  $ dria-temporal runs --json | jq -r .id`;

/** The command `runs`. */
export function runsCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('runs')
    .summary('List runs')
    .description('List runs, newest first.')
    .option('--json', 'Print a line of JSON a run.')
    .addHelpText('after', EXAMPLE)
    .action(async (flags: unknown) => {
      const { listRuns } = await import('../show-runs.js');
      await listRuns(runFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(command);
}
