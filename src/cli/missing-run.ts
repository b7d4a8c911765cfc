import { shellWord } from '../batch/shell-word.js';
import type { Storage } from '../storage/storage.js';
import { readStagedManifest } from '../store/manifest.js';
import { readLedger } from './deliver.js';
import { UserError } from './errors.js';

/** Returns the error for an id that no run has. */
export function noSuchRun(id: string): UserError {
  return new UserError(`there is no run ${id}`, { exitCode: 2, hint: 'See `dria-temporal runs`.' });
}

/**
 * Returns the error for an id that the server has no run of. Its files outlive its history, which is deleted after the
 * server's retention or with its database.
 */
export async function missingRun(id: string, storage: Storage): Promise<UserError> {
  // A storage out of reach holds nothing that could be named here.
  const manifest = await readStagedManifest(storage, id).catch(() => undefined);
  if (manifest === undefined) return noSuchRun(id);
  const ledger = await readLedger(storage, id).catch(() => undefined);
  const results = `dria-temporal results ${shellWord(id)}`;
  const answers =
    ledger?.state === 'completed' ? `Its results: ${results}.` : `The answers that it has: ${results} --partial.`;
  return new UserError(`the server has no history of the run ${id} any more, but the run is in ${storage.root}`, {
    exitCode: 1,
    hint: `${answers} The command that started it goes on with what is there.`,
  });
}
