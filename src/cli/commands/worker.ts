import { Command } from 'commander';
import { EXIT, type Io } from '../io.js';
import { number, workerFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Run a worker that answers the batches of a task queue, until Ctrl-C or SIGTERM.

It serves one endpoint, with the key in DRIA_API_KEY. Requests under way are
finished when it ends; what it has not begun goes to other workers.`;

const EXAMPLE = `
Example:
  $ DRIA_API_KEY=YourKey dria-temporal worker --address temporal.example:7233`;

/** The command `worker`. */
export function workerCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('worker')
    .summary('Run a worker')
    .description(DESCRIPTION)
    .option('--base-url <url>', "OpenAI-compatible endpoint. Default: DRIA_BASE_URL, else Dria's.")
    .addOption(number('--max-requests <n>', 'Requests in flight on this worker at most.', 100))
    .addOption(number('--shutdown-grace <s>', 'Time for requests under way at the end, seconds.', 30))
    .addHelpText('after', EXAMPLE)
    .action(async (flags: unknown) => {
      const { runWorker } = await import('../run-worker.js');
      await runWorker(workerFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(command);
}
