import { shellWord } from '../batch/shell-word.js';
import type { BatchHandle } from '../client.js';
import { runFailureWords, UserError } from './errors.js';
import { placesOf } from './places.js';
import { openSessionIfUp } from './session.js';
import type { TemporalFlags } from './temporal-flags.js';
import { temporalSettings } from './temporal-settings.js';

/** How long a server that may be there is waited for, ms: the message is the same without it, only less exact. */
const ASK_MS = 2_000;

/** The error for a run without whole results. Says how the run ended when a server that is up knows it. */
export async function noResultsYet(id: string, flags: TemporalFlags, env: NodeJS.ProcessEnv): Promise<UserError> {
  const ended = await askServer(id, flags, env);
  if (ended === undefined) {
    return new UserError(`the run ${id} has not ended, or not well: it has no results yet`, {
      exitCode: 1,
      hint: `${PARTIAL}; \`dria-temporal status ${shellWord(id)}\` says how it goes.`,
    });
  }
  return new UserError(ended.message, { exitCode: 1, hint: `${PARTIAL}${ended.way}` });
}

const PARTIAL = 'Give --partial for the answers so far, --failed for the items that failed';

const GO_ON = '. To go on with it, give the command that started it again.';

async function askServer(
  id: string,
  flags: TemporalFlags,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly message: string; readonly way: string } | undefined> {
  const { dataDir } = placesOf(flags, env);
  const session = await openSessionIfUp({ settings: temporalSettings(flags, env), dataDir }, ASK_MS);
  if (session === undefined) return undefined;
  try {
    const handle = session.batches.handle(id);
    const run = await handle.describe();
    if (run === undefined) return undefined;
    if (run.status.name === 'RUNNING') {
      const way = `; \`dria-temporal status ${shellWord(id)}\` says how it goes.`;
      return { message: `the run ${id} has not ended: it has no results yet`, way };
    }
    if (run.status.name === 'COMPLETED') return undefined;
    return { message: `the run ${id} has no whole results: ${await howItEnded(handle, run.status.name)}`, way: GO_ON };
  } catch {
    return undefined;
  } finally {
    await session.close();
  }
}

async function howItEnded(handle: BatchHandle, status: string): Promise<string> {
  if (status === 'CANCELLED' || status === 'TERMINATED') return `it was ${status.toLowerCase()}`;
  try {
    await handle.result();
    return 'it has ended';
  } catch (error) {
    return `it failed: ${runFailureWords(error)}`;
  }
}
