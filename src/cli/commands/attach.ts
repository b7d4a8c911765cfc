import { Command } from 'commander';
import { API_KEY_FLAG } from '../api-key-flag.js';
import { ENDPOINTS_FLAG } from '../endpoints-flag.js';
import { addFormatFlags } from '../format-flags.js';
import type { Io } from '../io.js';
import { onCompleteOption, onPauseOption, runFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Follow a run until it ends, and write its results.

On the embedded server the run goes on while some command is attached to it. A
run that is paused for want of credits, or because its first items were refused,
is resumed.`;

const EXAMPLE = `
Example:
  $ dria-temporal attach YourRunId -o results.jsonl`;

/** The command `attach`. */
export function attachCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('attach')
    .summary('Follow a run until it ends')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('-o, --output <file>', 'Results. Default: where the run was started for.')
    .option('--base-url <url>', 'Endpoint that the run was started for. Default: DRIA_BASE_URL.')
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .addOption(onPauseOption())
    .addOption(onCompleteOption())
    .option('--json', 'Progress as lines of JSON on standard error.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { attachRun } = await import('../attach-run.js');
      onExitCode(await attachRun(id, runFlagsSchema.parse(flags), io));
    });
  return addTemporalFlags(addFormatFlags(command));
}
