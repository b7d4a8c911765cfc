import { type RunSummary, runSummarySchema } from '../batch/summary.js';
import { getJsonIfThere } from '../storage/json.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import { UserError } from './errors.js';
import { EXIT, type Io } from './io.js';
import { writeOutput } from './output.js';

/** Where a run's results go. */
export interface Delivery {
  readonly storage: Storage;
  readonly runId: string;
  /** A file; standard output without it. */
  readonly output: string | undefined;
}

/** Writes a finished run's results where the person wants them. They stay in the run directory whatever happens. */
export async function deliver(delivery: Delivery, { items }: Pick<RunSummary, 'items'>, io: Io): Promise<void> {
  const { storage, runId, output } = delivery;
  const { results } = runDirectory(runId);
  try {
    await writeOutput(output, wholeLines(await storage.stream(results), items, delivery), io.stdout);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`the results could not be written to ${output ?? 'standard output'}`, {
      exitCode: 1,
      hint: `They are complete in ${storage.root}/${results}. To write them elsewhere: dria-temporal results ${runId} -o …`,
      cause: error,
    });
  }
}

const LF = 0x0a;

/** Passes results on, and throws at their end unless they are one line for each item: then no file of them is kept. */
async function* wholeLines(
  source: AsyncIterable<Uint8Array>,
  items: number,
  { storage, runId }: Delivery,
): AsyncGenerator<Uint8Array> {
  let lines = 0;
  for await (const piece of source) {
    for (let at = piece.indexOf(LF); at !== -1; at = piece.indexOf(LF, at + 1)) lines++;
    yield piece;
  }
  if (lines === items) return;
  const place = `${storage.root}/${runDirectory(runId).results}`;
  throw new UserError(`${place} is damaged: it has ${lines} lines, and the run has ${items} items`, {
    exitCode: 1,
    hint: `What is kept of them in parts: dria-temporal results ${runId} --partial -o …`,
  });
}

/** The exit code of a run that has ended: what its ledger says. */
export function exitCodeOf({ state, failed, skipped }: Pick<RunSummary, 'state' | 'failed' | 'skipped'>): number {
  if (state !== 'completed') return EXIT.FAILED;
  return failed + skipped > 0 ? EXIT.SOME_FAILED : EXIT.OK;
}

/** The summary of a run that has ended well; undefined when the run directory has none. */
export async function readSummary(storage: Storage, runId: string): Promise<RunSummary | undefined> {
  const summary = await readLedger(storage, runId);
  return summary?.state === 'completed' ? summary : undefined;
}

/** The summary of a run that has ended, well or not; undefined when the run directory has none. */
export async function readLedger(storage: Storage, runId: string): Promise<RunSummary | undefined> {
  const stored = await getJsonIfThere(storage, runDirectory(runId).summary);
  return stored === undefined ? undefined : runSummarySchema.parse(stored);
}
