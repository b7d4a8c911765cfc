import { Command } from 'commander';
import { API_KEY_FLAG } from '../api-key-flag.js';
import { addChangeFlags, changeFlagsSchema } from '../change-flags.js';
import { ENDPOINTS_FLAG } from '../endpoints-flag.js';
import { EXIT, type Io } from '../io.js';
import { runFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Change an unfinished run. No answer is lost: requests in flight are finished and kept,
and what follows is asked the new way.

A run that paused at a limit goes on when the limit is raised.`;

const EXAMPLE = `
Example:
  More requests at a time, and a limit:

    $ dria-temporal set YourRunId --concurrency 50 --max-total-tokens 2000000`;

/** The command `set`. */
export function setCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('set')
    .summary('Change an unfinished run')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('--base-url <url>', 'Endpoint that the run was started for. Default: DRIA_BASE_URL.')
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .option('--json', 'Print how the run goes then, as JSON.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { setRun } = await import('../steer-run.js');
      await setRun(id, changeFlagsSchema.parse(flags), runFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(addChangeFlags(command));
}
