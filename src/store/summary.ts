import { type RunSummary, runSummarySchema } from '../batch/summary.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { getJson, ifThere } from './json.js';
import { runDirectory } from './run-directory.js';
import type { OnWarn } from './segments.js';

/** Writes the summary of a run that has ended, well or not. */
export async function putSummary(storage: Storage, run: string, summary: RunSummary): Promise<void> {
  await storage.put(runDirectory(run).summary, `${JSON.stringify(summary, null, 2)}\n`);
}

/** Reads the summary of a run that has ended, well or not; undefined if there is none. */
export async function readSummary(storage: Storage, run: string): Promise<RunSummary | undefined> {
  return await ifThere(getJson(storage, runDirectory(run).summary, runSummarySchema));
}

/** Reads a summary as {@link readSummary} does; of one that cannot be read, `onWarn` gets the reason. */
export async function readSummaryIfWhole(
  storage: Storage,
  run: string,
  onWarn: OnWarn,
): Promise<RunSummary | undefined> {
  try {
    return await readSummary(storage, run);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'DAMAGED') throw error;
    onWarn(error.message);
    return undefined;
  }
}
