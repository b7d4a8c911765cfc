import { Context, log } from '@temporalio/activity';
import type { Counts } from '../batch/counts.js';
import type { RunSummary } from '../batch/summary.js';
import type { AssembleInput, PartInput } from '../batch/work.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { errorLines, partLines } from './part-lines.js';
import { getPart, getPartIfWhole, type Part, putPart } from './parts.js';

/** Merges a chunk's segments, failures and invalid lines into its part, in input order. Idempotent. */
export function writePart({ storage }: ActivityDependencies, input: PartInput): Promise<{ counts: Counts }> {
  const { chunk } = input.chunk;
  return translated(() =>
    withHeartbeat(
      () => ({ chunk }),
      async () => {
        const { counts } = (await partOf(storage, input)) ?? (await merge(storage, input));
        await storage.removeAll(runDirectory(input.run).chunk(chunk));
        return { counts };
      },
    ),
  );
}

/**
 * The chunk's part when it is there: another attempt's, or an earlier execution's. One that is to be replaced is none,
 * unless it is the new one already.
 */
async function partOf(storage: Storage, { run, chunk, replace, counts }: PartInput): Promise<Part | undefined> {
  const part = await getPartIfWhole(storage, run, chunk.chunk, (message) => log.warn(message));
  const isOld = part !== undefined && replace === true && !sameCounts(part.counts, counts);
  return isOld ? undefined : part;
}

function sameCounts(a: Counts, b: Counts): boolean {
  return a.ok === b.ok && a.failed === b.failed && a.skipped === b.skipped && a.requests === b.requests;
}

/** Writes the part. Returns the one that is there then. */
async function merge(storage: Storage, input: PartInput): Promise<Part> {
  const { run, counts } = input;
  const { chunk } = input.chunk;
  try {
    const { lines, facts } = await partLines(storage, input);
    const part = { content: Buffer.from(lines.join('')), counts };
    await storage.put(runDirectory(run).partFacts(chunk), JSON.stringify(facts));
    await putPart(storage, run, chunk, part);
    return part;
  } catch (error) {
    // Another attempt of this activity may have finished meanwhile, and removed the segments under our hands.
    const other = await partOf(storage, input);
    if (other === undefined) throw error;
    return other;
  }
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

/**
 * Joins the parts into the results, in input order, and writes the summary beside them. Idempotent. Hands back between two
 * parts when its worker's grace is over, and when it is cancelled or another attempt has taken over.
 */
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
        const { cancellationSignal } = Context.current();
        await storage.putStream(results, parts(storage, run, chunks, onPart, cancellationSignal));
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
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let chunk = 0; chunk < chunks; chunk++) {
    // What the writer gets is its source's error: it then keeps nothing of what it has written.
    signal.throwIfAborted();
    yield (await getPart(storage, run, chunk)).content;
    onPart();
  }
}
