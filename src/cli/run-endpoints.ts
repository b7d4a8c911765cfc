import type { BatchOptions } from '../batch/options.js';
import { endpointFromFlags } from './batch-request.js';
import { type EndpointsFile, readEndpointsFile } from './endpoints-file.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';

/** Flags that say where requests go. */
export interface EndpointFlags {
  readonly baseUrl?: string | undefined;
  readonly endpoints?: string | undefined;
}

/** Where the requests of a run go. */
export interface RunEndpoints {
  /** The base URL; the names and addresses of several endpoints. */
  readonly endpoint: string;
  /** Absent for one endpoint. */
  readonly file?: EndpointsFile;
}

/** Reads the file of endpoints if there is one: a flag goes before the variable, and `--base-url` before that. */
export async function endpointsFromFlags(
  { endpoints, baseUrl }: EndpointFlags,
  { env, interrupt }: Pick<Io, 'env' | 'interrupt'>,
  needsKeys: boolean,
): Promise<EndpointsFile | undefined> {
  if (endpoints !== undefined && baseUrl !== undefined) {
    throw new UserError('--endpoints and --base-url are both given: use one of them', { exitCode: 2 });
  }
  const path = endpoints ?? (baseUrl === undefined ? env.DRIA_TEMPORAL_ENDPOINTS : undefined);
  return path ? await readEndpointsFile(path, env, interrupt, { needsKeys }) : undefined;
}

/** Returns where the requests of a run go, checked. `needsKeys`: they are sent from here. */
export async function runEndpointsFromFlags(
  flags: EndpointFlags,
  io: Pick<Io, 'env' | 'interrupt'>,
  needsKeys: boolean,
): Promise<RunEndpoints> {
  const file = await endpointsFromFlags(flags, io, needsKeys);
  return file === undefined ? { endpoint: endpointFromFlags(flags.baseUrl, io.env) } : { endpoint: file.text, file };
}

/** Returns the options of a run with what it says of several endpoints. Throws a `UserError` for limits that do not go with them. */
export function withEndpoints(options: BatchOptions, file: EndpointsFile | undefined): BatchOptions {
  if (file === undefined) {
    if (options.maxCost === undefined && options.prefer === undefined) return options;
    throw new UserError(`${options.maxCost === undefined ? '--prefer' : '--max-cost'} needs prices`, {
      exitCode: 2,
      hint: 'Give --endpoints with a file that has input_price and output_price.',
    });
  }
  if (options.maxCredits === undefined) return { ...options, endpoints: file.rules };
  throw new UserError('--max-credits is about the balance of one endpoint, and --endpoints names several', {
    exitCode: 2,
    hint: 'Give --max-cost, or --max-total-tokens.',
  });
}
