import { partialLines } from '../activities/partial-lines.js';
import { readStagedManifest } from '../input/stage.js';
import { StorageError } from '../storage/storage.js';
import { deliver, exitCodeOf, readSummary } from './deliver.js';
import { EXIT, type Io } from './io.js';
import { checkOutput, writeOutput } from './output.js';
import { usablePlaces } from './places.js';
import type { ResultsFlags } from './run-flags.js';
import { noSuchRun } from './run-memo.js';
import { noResultsYet } from './why-no-results.js';

/**
 * Writes the results of a run that has ended, with `--partial` what any run has so far, with `--failed` its failed items
 * as an input. Everything is in the run directory: a server is asked only why there are no results. Returns the exit code.
 */
export async function showResults(id: string, flags: ResultsFlags, io: Io): Promise<number> {
  if (flags.output !== undefined) await checkOutput(flags.output);
  const { storage } = await usablePlaces(flags, io.env);
  if (flags.failed) {
    const { showFailed } = await import('./show-failed.js');
    return await showFailed({ id, storage, output: flags.output }, io);
  }
  const summary = await readSummary(storage, id).catch((error: unknown) => {
    // What is there of the parts does not depend on it.
    if (flags.partial && error instanceof StorageError && error.code === 'DAMAGED') return undefined;
    throw error;
  });
  if (summary !== undefined && !flags.partial) {
    await deliver({ storage, runId: id, output: flags.output }, summary, io);
    return exitCodeOf(summary);
  }
  if ((await readStagedManifest(storage, id)) === undefined) throw noSuchRun(id);
  if (!flags.partial) throw await noResultsYet(id, flags, io.env);
  await writeOutput(flags.output, partialLines(storage, id), io.stdout);
  return summary === undefined ? EXIT.OK : exitCodeOf(summary);
}
