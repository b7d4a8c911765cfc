import { Command } from 'commander';
import { z } from 'zod';
import { EXIT, type Io } from '../io.js';

const DESCRIPTION = `Run the embedded Temporal server, with the Web UI, until Ctrl-C.

Other commands share it. They also start it themselves, so that this is only for
looking at runs while no other command is there.`;

const EXAMPLE = `
Example:
  $ dria-temporal server`;

const serverFlagsSchema = z.object({ dataDir: z.string().optional(), json: z.boolean().default(false) });

/** The command `server`. */
export function serverCommand(io: Io, onExitCode: (code: number) => void): Command {
  return new Command('server')
    .summary('Run the embedded Temporal server')
    .description(DESCRIPTION)
    .option('--data-dir <folder>', 'Runs and embedded server. Default: DRIA_TEMPORAL_HOME.')
    .option('--json', 'Print the addresses as a line of JSON.')
    .addHelpText('after', EXAMPLE)
    .action(async (flags: unknown) => {
      const { serve } = await import('../serve.js');
      const { dataDir, json } = serverFlagsSchema.parse(flags);
      await serve(dataDir, json, io);
      onExitCode(EXIT.OK);
    });
}
