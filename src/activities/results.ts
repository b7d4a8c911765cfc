import { Context, log } from '@temporalio/activity';
import type { Counts } from '../batch/counts.js';
import { addCounts, countModel, NO_COUNTS } from '../batch/counts.js';
import { encodeItems } from '../batch/item-ranges.js';
import type { ChunkManifest } from '../batch/manifest.js';
import type { AssembleInput, PartInput, RecoveredChunk } from '../batch/work.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { partLines } from './part-lines.js';
import { getPart, getPartIfWhole, type Part, putPart } from './parts.js';
import { blockLine, readSegments, type SegmentRecord, warnOfDamage } from './segments.js';

/** Merges a chunk's segments, failures and invalid lines into its part, in input order. Idempotent. */
export function writePart({ storage }: ActivityDependencies, input: PartInput): Promise<{ counts: Counts }> {
  const { chunk } = input.chunk;
  return translated(() =>
    withHeartbeat(
      () => ({ chunk }),
      async () => {
        const { counts } = (await getPartIfWhole(storage, input.run, chunk, warn)) ?? (await merge(storage, input));
        await storage.removeAll(runDirectory(input.run).segments(chunk));
        return { counts };
      },
    ),
  );
}

/** Writes the part. Returns the one that is there then: it may be another attempt's, or an earlier execution's. */
async function merge(storage: Storage, input: PartInput): Promise<Part> {
  const { run, counts } = input;
  const { chunk } = input.chunk;
  try {
    const lines = await partLines(storage, input);
    const part = { content: Buffer.from(lines.join('')), counts };
    await putPart(storage, run, chunk, part);
    return part;
  } catch (error) {
    // Another attempt of this activity may have finished meanwhile, and removed the segments under our hands.
    const other = await getPartIfWhole(storage, run, chunk);
    if (other === undefined) throw error;
    return other;
  }
}

function warn(message: string): void {
  log.warn(message);
}

/** Finds what an earlier execution of the run has left of a chunk: its part, or the answers in its segments. */
export function recoverChunk(
  { storage }: ActivityDependencies,
  { run, chunk }: { readonly run: string; readonly chunk: ChunkManifest },
): Promise<RecoveredChunk> {
  return translated(() =>
    withHeartbeat(
      () => ({ chunk: chunk.chunk }),
      async () => {
        const part = await getPartIfWhole(storage, run, chunk.chunk, warn);
        if (part === undefined) return await recoverSegments(storage, run, chunk);
        const { counts } = part;
        return { part: { counts }, segments: [], items: '', counts };
      },
    ),
  );
}

/** Puts what is there into a segment of its own: what an attempt of the earlier execution still writes is not in it. */
async function recoverSegments(storage: Storage, run: string, chunk: ChunkManifest): Promise<RecoveredChunk> {
  const records = new Map<number, SegmentRecord>();
  for (const found of (await readSegments(storage, run, chunk.chunk, warnOfDamage)).values()) {
    for (const record of found) if (!records.has(record.item)) records.set(record.item, record);
  }
  if (records.size === 0) return { segments: [], items: '', counts: NO_COUNTS };
  const sorted = [...records.values()].sort((a, b) => a.item - b.item);
  const { workflowExecution, attempt } = Context.current().info;
  const name = `recovered-${workflowExecution?.runId ?? ''}-${attempt}`;
  const lines = sorted.map((record) => blockLine(name, record));
  await storage.put(runDirectory(run).block(chunk.chunk, name), lines.join(''));
  return { segments: [name], items: encodeItems(sorted.map(({ item }) => item)), counts: countRecords(sorted) };
}

function countRecords(records: readonly SegmentRecord[]): Counts {
  return records.reduce((counts, record) => addCounts(counts, countRecord(record)), NO_COUNTS);
}

function countRecord({ result, truncated }: SegmentRecord): Counts {
  const { model, tokens } = result;
  const counts = { ...NO_COUNTS, ok: 1, truncated: truncated === true ? 1 : 0, tokens, requests: 1 };
  return countModel(counts, model, { ok: 1, tokens });
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
        const { results, summary: summaryKey } = runDirectory(run);
        await storage.putStream(results, parts(storage, run, chunks, onPart));
        await storage.put(summaryKey, `${JSON.stringify(summary, null, 2)}\n`);
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
  for (let chunk = 0; chunk < chunks; chunk++) {
    yield (await getPart(storage, run, chunk)).content;
    onPart();
  }
}
