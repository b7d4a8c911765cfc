import { Command } from 'commander';
import { EXIT, type Io } from '../io.js';
import { addReadFlags } from '../read-flags.js';
import { addBatchFlags, batchFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const DESCRIPTION = `Answer every prompt of some files, and write the answers as JSONL in input order.

Each line of JSONL is {"prompt": "…"}, with an optional "id" and "attachment": a
path next to the file, an http(s) URL or a data: URL. A JSON array holds such
objects; a CSV or Parquet file has such columns. - reads standard input.

Ctrl-C leaves the run with everything kept; the same command goes on with it.`;

const EXAMPLE = `
Exit codes:
  0 all items ok, 1 the run failed, 2 bad usage or input, 3 some items failed,
  4 paused and nobody at a terminal to ask, 130 left by Ctrl-C, 143 by SIGTERM

Environment:
  DRIA_API_KEY, DRIA_BASE_URL, DRIA_HEADERS: key, address and further headers of
  the endpoint. Headers are lines of Name: value, or a JSON object.

Example:
  Sentiments with a confidence, 50 requests at a time:

    $ dria-temporal batch reviews.jsonl -o sentiments.jsonl -c 50 \\
        --schema 'sentiment:good|bad,confidence:number'`;

/** The command `batch`. */
export function batchCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('batch')
    .summary('Answer every prompt of some files')
    .description(DESCRIPTION)
    .argument('<input...>', 'Files of prompts, patterns, s3://bucket/key; - for standard input.')
    .addHelpText('after', EXAMPLE)
    .action(async (inputs: string[], given: unknown) => {
      const flags = batchFlagsSchema.parse(given);
      if (flags.dryRun) {
        const { dryRun } = await import('../dry-run.js');
        await dryRun(inputs, flags, io);
        return onExitCode(EXIT.OK);
      }
      const { runBatch } = await import('../run-batch.js');
      onExitCode(await runBatch(inputs, flags, io));
    });
  return addTemporalFlags(addReadFlags(addBatchFlags(command)));
}
