import { Command } from 'commander';
import { z } from 'zod';
import { API_KEY_FLAG } from '../api-key-flag.js';
import { ENDPOINTS_FLAG } from '../endpoints-flag.js';
import { EXIT, type Io } from '../io.js';

const EXAMPLE = `
Example:
  $ dria-temporal models`;

const modelsFlagsSchema = z.object({
  baseUrl: z.string().optional(),
  endpoints: z.string().optional(),
  json: z.boolean().default(false),
});

/** The command `models`. */
export function modelsCommand(io: Io, onExitCode: (code: number) => void): Command {
  return new Command('models')
    .summary('List the models that are up')
    .description('List the models that have nodes now, most nodes first.')
    .option('--base-url <url>', "OpenAI-compatible endpoint. Default: DRIA_BASE_URL, else Dria's.")
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .option('--json', 'Print a line of JSON a model.')
    .addHelpText('after', EXAMPLE)
    .action(async (flags: unknown) => {
      const { listModels } = await import('../list-models.js');
      const { json, ...where } = modelsFlagsSchema.parse(flags);
      await listModels(where, json, io);
      onExitCode(EXIT.OK);
    });
}
