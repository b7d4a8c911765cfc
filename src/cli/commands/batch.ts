import { Command } from 'commander';
import { EXIT, type Io } from '../io.js';
import { addBatchFlags, batchFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Answer every prompt of a JSONL file, and write the answers as JSONL in input order.

Each line is {"prompt": "…"}, with an optional "id" and "attachment": a path
next to the file, an http(s) URL or a data: URL. - reads standard input.

Ctrl-C leaves the run with everything kept; the same command goes on with it.`;

const EXAMPLE = `
Exit codes:
  0 all items ok, 1 the run failed, 2 bad usage or input, 3 some items failed,
  130 left by Ctrl-C

Example:
  Sentiments with a confidence, 50 requests at a time:

    $ dria-temporal batch reviews.jsonl -o sentiments.jsonl -c 50 \\
        --schema 'sentiment:good|bad,confidence:number'`;

/** The command `batch`. */
export function batchCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('batch')
    .summary('Answer every prompt of a JSONL file')
    .description(DESCRIPTION)
    .argument('<file>', 'JSONL file of prompts; - for standard input.')
    .addHelpText('after', EXAMPLE)
    .action(async (file: string, given: unknown) => {
      const flags = batchFlagsSchema.parse(given);
      if (flags.dryRun) {
        const { dryRun } = await import('../dry-run.js');
        await dryRun(file, flags, io);
        return onExitCode(EXIT.OK);
      }
      const { runBatch } = await import('../run-batch.js');
      onExitCode(await runBatch(file, flags, io));
    });
  return addTemporalFlags(addBatchFlags(command));
}
