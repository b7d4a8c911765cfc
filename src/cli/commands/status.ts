import { Command } from 'commander';
import { EXIT, type Io } from '../io.js';
import { runFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const EXAMPLE = `
Example:
  $ dria-temporal status YourRunId`;

/** The command `status`. */
export function statusCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('status')
    .summary('Show how a run goes')
    .description('Show how a run goes: state, counts, models, newest failures.')
    .argument('<id>', 'Id of the run.')
    .option('--json', 'Print JSON.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { showStatus } = await import('../show-runs.js');
      await showStatus(id, runFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(command);
}
