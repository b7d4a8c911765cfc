import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Storage } from '../storage/storage.js';
import { runDirectory } from '../store/run-directory.js';

/** Attempts of an activity within which a worker that sees the run's storage may take it over. */
const ATTEMPTS = 10;

/** Time until another worker may take it (ms): no reason to wait any longer. */
const RETRY_MS = 1_000;

/** Returns the failure for a worker whose storage lacks what the run has put into its own. */
export function unshared({ root }: Pick<Storage, 'root'>, key: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'StorageNotShared',
    message:
      `this worker does not see the run's storage: its own, ${root}, has no ${key}. Give all workers and commands the ` +
      'same --storage, or DRIA_TEMPORAL_STORAGE',
    nonRetryable: Context.current().info.attempt >= ATTEMPTS,
    nextRetryDelay: RETRY_MS,
  });
}

/** Fails with `StorageNotShared` if the worker's storage does not have a run that has been prepared. */
export async function refuseUnshared(storage: Storage, run: string): Promise<void> {
  const { settings } = runDirectory(run);
  if ((await storage.size(settings)) === undefined) throw unshared(storage, settings);
}
