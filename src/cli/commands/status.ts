import { Command } from 'commander';
import type { Io } from '../io.js';
import { runFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Show how a run goes: state, counts, models, newest failures.

Exit codes: 0 unfinished, or all items ok; 1 failed or cancelled; 3 some items
failed.`;

const EXAMPLE = `
Example:
  $ dria-temporal status YourRunId`;

/** The command `status`. */
export function statusCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('status')
    .summary('Show how a run goes')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('--json', 'Print JSON.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { showStatus } = await import('../show-runs.js');
      onExitCode(await showStatus(id, runFlagsSchema.parse(flags), io));
    });
  return addTemporalFlags(command);
}
