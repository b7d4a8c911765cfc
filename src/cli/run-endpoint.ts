import { endpointFromFlags } from './batch-request.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import type { Session } from './session.js';

/**
 * The endpoint for a worker here: the run's own, and never this environment's key to another one. Throws a `UserError`
 * when this environment is for another endpoint than the run.
 */
export function endpointOfRun(
  id: string,
  baseUrl: string | undefined,
  runs: string | undefined,
  session: Session,
  io: Io,
): string {
  if (!session.embedded) return runs ?? '';
  const ours = endpointFromFlags(baseUrl, io.env);
  if (runs === undefined || runs === ours) return ours;
  throw new UserError(`the run ${id} is for ${runs}, but this environment is for ${ours}`, {
    exitCode: 2,
    hint: `Give --base-url ${runs}, with its key in DRIA_API_KEY.`,
  });
}
