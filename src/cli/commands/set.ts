import { Command } from 'commander';
import { addChangeFlags, changeFlagsSchema } from '../change-flags.js';
import { EXIT, type Io } from '../io.js';
import { runFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Change a run under way. No answer is lost: requests under way are finished and kept,
and what follows is asked the new way.

A run that paused at a limit goes on when the limit is raised.`;

const EXAMPLE = `
Example:
  More requests at a time, and a limit:

    $ dria-temporal set YourRunId --concurrency 50 --max-total-tokens 2000000`;

/** The command `set`. */
export function setCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('set')
    .summary('Change a run under way')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('--json', 'Print how the run goes then, as JSON.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { setRun } = await import('../steer-run.js');
      await setRun(id, changeFlagsSchema.parse(flags), runFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(addChangeFlags(command));
}
