import type { Counts } from '../batch/counts.js';
import type { RunSummary } from '../batch/summary.js';
import type { AssembleInput, PartInput } from '../batch/work.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { readPartCounts } from './part-counts.js';
import { errorLines, partLines } from './part-lines.js';

/** Merges a chunk's segments, failures and invalid lines into its part, in input order. Idempotent. */
export function writePart({ storage }: ActivityDependencies, input: PartInput): Promise<{ counts: Counts }> {
  const { chunk } = input.chunk;
  return translated(() =>
    withHeartbeat(
      () => ({ chunk }),
      async () => {
        const directory = runDirectory(input.run);
        if (input.replace === true || !(await exists(storage, directory.part(chunk)))) await merge(storage, input);
        // Those of the part that is there: it may be an earlier execution's.
        const counts = await readPartCounts(storage, input.run, chunk);
        await storage.removeAll(directory.chunk(chunk));
        return { counts };
      },
    ),
  );
}

async function merge(storage: Storage, input: PartInput): Promise<void> {
  const directory = runDirectory(input.run);
  const { chunk } = input.chunk;
  try {
    const { lines, facts } = await partLines(storage, input);
    await storage.put(directory.partCounts(chunk), JSON.stringify(input.counts));
    await storage.put(directory.partFacts(chunk), JSON.stringify(facts));
    await storage.put(directory.part(chunk), lines.join(''));
  } catch (error) {
    // Another attempt of this activity may have finished meanwhile, and removed the segments under our hands.
    if (!(await isWritten(storage, input))) throw error;
  }
}

/** True when the chunk's part is there; when it takes another's place, when it is the new one. */
async function isWritten(storage: Storage, { run, chunk: { chunk }, replace, counts }: PartInput): Promise<boolean> {
  if (!(await exists(storage, runDirectory(run).part(chunk)))) return false;
  return replace !== true || sameCounts(await readPartCounts(storage, run, chunk), counts);
}

function sameCounts(a: Counts, b: Counts): boolean {
  return a.ok === b.ok && a.failed === b.failed && a.skipped === b.skipped && a.requests === b.requests;
}

async function exists(storage: Storage, key: string): Promise<boolean> {
  return (await storage.size(key)) !== undefined;
}

/** Keeps the error lines of a chunk that is cancelled, beside the answers in its segments. Idempotent. */
export function keepFailures({ storage }: ActivityDependencies, input: PartInput): Promise<void> {
  return translated(async () => {
    const lines = await errorLines(storage, input);
    const records = [...lines].map(([item, line]) => `${JSON.stringify({ item, line })}\n`);
    await storage.put(runDirectory(input.run).failures(input.chunk.chunk), records.join(''));
  });
}

/** Writes the summary of a run that did not come to its end. */
export function keepSummary(
  { storage }: ActivityDependencies,
  { run, summary }: { readonly run: string; readonly summary: RunSummary },
): Promise<void> {
  return translated(() => putSummary(storage, run, summary));
}

async function putSummary(storage: Storage, run: string, summary: RunSummary): Promise<void> {
  await storage.put(runDirectory(run).summary, `${JSON.stringify(summary, null, 2)}\n`);
}

/** Joins the parts into the results, in input order, and writes the summary beside them. Idempotent. */
export function assembleResults(
  { storage }: ActivityDependencies,
  { run, chunks, summary }: AssembleInput,
): Promise<{ results: string }> {
  let joined = 0;
  const onPart = () => {
    joined++;
  };
  return translated(() =>
    withHeartbeat(
      () => ({ parts: joined }),
      async () => {
        const { results } = runDirectory(run);
        await storage.putStream(results, parts(storage, run, chunks, onPart));
        await putSummary(storage, run, summary);
        return { results };
      },
    ),
  );
}

async function* parts(
  storage: Storage,
  run: string,
  chunks: number,
  onPart: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const directory = runDirectory(run);
  for (let chunk = 0; chunk < chunks; chunk++) {
    yield await storage.get(directory.part(chunk));
    onPart();
  }
}
