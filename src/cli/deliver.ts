import { addCounts, endsOf, NO_COUNTS } from '../batch/counts.js';
import type { ResultFormat } from '../batch/output-format.js';
import type { Progress } from '../batch/progress.js';
import { shellWord } from '../batch/shell-word.js';
import type { RunSummary } from '../batch/summary.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { readStagedManifest } from '../store/manifest.js';
import { readPartCounts } from '../store/parts.js';
import { renderedResults } from '../store/rendered.js';
import { runDirectory } from '../store/run-directory.js';
import { readSummary as readStoredSummary } from '../store/summary.js';
import { UserError } from './errors.js';
import { EXIT, type Io } from './io.js';
import { writeOutput } from './output.js';
import { saidOfFormats } from './result-format.js';

/** Where a run's results go. */
export interface Delivery {
  readonly storage: Storage;
  readonly runId: string;
  /** A file; standard output without it. */
  readonly output: string | undefined;
  readonly format: ResultFormat;
}

/** Writes a finished run's results where the person wants them. They stay in the run directory whatever happens. */
export async function deliver({ storage, runId, output, format }: Delivery, io: Io): Promise<void> {
  const { results } = runDirectory(runId);
  try {
    await saidOfFormats(() => writeOutput(output, renderedResults(storage, runId, format, io.interrupt), io));
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof StorageError && error.isForGood) throw damagedResults(runId, error);
    if (io.interrupt.aborted) io.stderr.write(`Left. The results: dria-temporal results ${shellWord(runId)} -o …\n`);
    throw new UserError(`the results could not be written to ${output ?? 'standard output'}`, {
      exitCode: 1,
      hint: `They are complete in ${storage.root}/${results}. To write them elsewhere: dria-temporal results ${shellWord(runId)} -o …`,
      cause: error,
    });
  }
}

function damagedResults(runId: string, cause: StorageError): UserError {
  const hint = `What is kept of them in parts: dria-temporal results ${shellWord(runId)} --partial -o …`;
  return new UserError(cause.message, { exitCode: 1, hint, cause });
}

/** The exit code of a run that has ended: what its ledger says. */
export function exitCodeOf({ state, failed, skipped }: Pick<Progress, 'state' | 'failed' | 'skipped'>): number {
  if (state !== 'completed') return EXIT.FAILED;
  return failed + skipped > 0 ? EXIT.SOME_FAILED : EXIT.OK;
}

/** How a run has ended, as far as an exit code needs it. */
export type RunEnd = Pick<RunSummary, 'state' | 'failed' | 'skipped'>;

/** Returns the summary of a run that has ended well, and no other. */
export function endedWell(summary: RunSummary): RunSummary | undefined {
  return summary.state === 'completed' ? summary : undefined;
}

/** Returns how a run has ended whose results are there and whose summary is not: by its manifest and its parts. */
export async function endByParts(storage: Storage, runId: string): Promise<RunEnd | undefined> {
  if ((await storage.size(runDirectory(runId).results)) === undefined) return undefined;
  const manifest = await readStagedManifest(storage, runId);
  if (manifest === undefined) return undefined;
  let counts = NO_COUNTS;
  for (const { chunk } of manifest.chunks) {
    counts = addCounts(counts, (await readPartCounts(storage, runId, chunk)) ?? NO_COUNTS);
  }
  const { failed, skipped } = endsOf(counts, manifest.reused);
  return { state: 'completed', failed, skipped };
}

/** The summary of a run that has ended well; undefined when the run directory has none. */
export async function readSummary(storage: Storage, runId: string): Promise<RunSummary | undefined> {
  const summary = await readLedger(storage, runId);
  return summary === undefined ? undefined : endedWell(summary);
}

/** The summary of a run that has ended, well or not; undefined when the run directory has none. */
export async function readLedger(storage: Storage, runId: string): Promise<RunSummary | undefined> {
  return await readStoredSummary(storage, runId);
}
