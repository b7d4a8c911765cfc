import { realpathSync } from 'node:fs';
import { serverPaths } from './data-dir.js';
import type { EmbeddedServer } from './join.js';
import { enterSession } from './session.js';

/**
 * Joins the Temporal server of a data directory only when it runs already; undefined when it does not. Makes and starts
 * nothing. Throws what {@link enterSession} throws, and what the system says of the folder.
 */
export async function joinIfRunning(dataDir: string, signal: AbortSignal): Promise<EmbeddedServer | undefined> {
  const session = await enterSession(serverPaths(realpathSync(dataDir)), () => undefined, signal);
  if (session === undefined) return undefined;
  return { ...session.place, leave: () => session.close() };
}
