import { Command } from 'commander';
import { z } from 'zod';
import { API_KEY_FLAG } from '../api-key-flag.js';
import { ENDPOINTS_FLAG } from '../endpoints-flag.js';
import type { Io } from '../io.js';

const EXAMPLE = `
Exit codes:
  0 each has answered, 1 some has not, 2 bad usage

Example:
  $ dria-temporal endpoints check --endpoints endpoints.toml`;

const flagsSchema = z.object({
  baseUrl: z.string().optional(),
  endpoints: z.string().optional(),
  json: z.boolean().default(false),
});

/** The command `endpoints`. */
export function endpointsCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('endpoints').summary('Try the endpoints of a file').description('Try endpoints.');
  command
    .command('check')
    .summary('Ask each for its list and one token')
    .description(
      'Ask each endpoint for its models and for one answer of one token, which costs next to nothing,\nand say what its requests have to be like.',
    )
    .option('--base-url <url>', "OpenAI-compatible endpoint. Default: DRIA_BASE_URL, else Dria's.")
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .option('--json', 'Print a line of JSON an endpoint.')
    .addHelpText('after', EXAMPLE)
    .action(async (given: unknown) => {
      const { json, ...where } = flagsSchema.parse(given);
      const { checkEndpoints } = await import('../check-endpoints.js');
      onExitCode(await checkEndpoints(where, json, io));
    });
  return command;
}
