import { Command } from 'commander';
import { API_KEY_FLAG } from '../api-key-flag.js';
import { addChangeFlags, changeFlagsSchema } from '../change-flags.js';
import { ENDPOINTS_FLAG } from '../endpoints-flag.js';
import { addFormatFlags } from '../format-flags.js';
import type { Io } from '../io.js';
import { onCompleteOption, onPauseOption, retryFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Ask the failed items of a run again, with the same options or others, and write one
whole output in input order: the answers that were there, and the new ones.`;

const EXAMPLE = `
Example:
  Ask them another model, with more room for the answer:

    $ dria-temporal retry YourRunId -o results.jsonl \\
        --model qwen3.5:27b --max-tokens 4096`;

/** The command `retry`. */
export function retryCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('retry')
    .summary('Ask the failed items of a run again')
    .description(DESCRIPTION)
    .argument('<id>', 'Id of the run.')
    .option('-o, --output <file>', 'Results. Default: where the run was started for.')
    .option('--schema <fields>', "Fields of every answer, as 'mood:good|bad,score:number'.")
    .option('--schema-file <file>', 'JSON Schema of every answer.')
    .option('--base-url <url>', 'Endpoint that the run was started for. Default: DRIA_BASE_URL.')
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .addOption(onPauseOption())
    .addOption(onCompleteOption())
    .option('--json', 'Progress as lines of JSON on standard error.')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { retryRun } = await import('../retry-run.js');
      onExitCode(await retryRun(id, changeFlagsSchema.parse(flags), retryFlagsSchema.parse(flags), io));
    });
  return addTemporalFlags(addFormatFlags(addChangeFlags(command)));
}
