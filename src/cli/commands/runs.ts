import { Command } from 'commander';
import { EXIT, type Io } from '../io.js';
import { number } from '../number-option.js';
import { listFlagsSchema } from '../run-flags.js';
import { addTemporalFlags, collect } from '../temporal-flags.js';

const DESCRIPTION = `List runs: unfinished ones, then the last to end.

States: starting, running, waiting (for models), paused, finishing, no-worker
(unfinished, but no worker answers), completed, failed, cancelled.`;

const EXAMPLE = `
Example:
  Ids of the runs of the last two days that did not end well:

    $ dria-temporal runs --state failed,cancelled --since 2d --json | jq -r .id`;

/** The command `runs`. */
export function runsCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('runs')
    .summary('List runs')
    .description(DESCRIPTION)
    .option('--state <state>', 'Only runs that stand so. Repeatable, or a,b.', collect)
    .option('-m, --model <id>', 'Only runs that ask this model alone; any: those that choose.')
    .option('--since <time>', 'Only runs started since: 2h, 3d, 2026-11-20.')
    .option('--input <text>', "Only runs whose input's name has this in it.")
    .addOption(number('--limit <n>', 'Runs at most.', 20))
    .option('--all', 'Every run.')
    .option('--json', 'Print a line of JSON a run.')
    .addHelpText('after', EXAMPLE)
    .action(async (flags: unknown) => {
      const { listRuns } = await import('../list-runs.js');
      await listRuns(listFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(command);
}
