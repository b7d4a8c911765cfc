import { Context } from '@temporalio/activity';
import { addCounts, type Counts, countModel, NO_COUNTS, withoutFailures } from '../batch/counts.js';
import { encodeItems } from '../batch/item-ranges.js';
import { countLatency } from '../batch/latency.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { answerFacts, partFactsSchema } from '../batch/part-facts.js';
import type { RecoveredChunk, RecoverInput } from '../batch/work.js';
import { getJsonIfThere } from '../storage/json.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { readPartCounts } from './part-counts.js';
import { blockLine, readSegments, type SegmentRecord, segmentRecordSchema } from './segments.js';

/** Finds what an earlier execution of the run has left of a chunk: its part, or the answers in its segments. */
export function recoverChunk({ storage }: ActivityDependencies, input: RecoverInput): Promise<RecoveredChunk> {
  const { run, chunk } = input;
  return translated(() =>
    withHeartbeat(
      () => ({ chunk: chunk.chunk }),
      async () => {
        const hasPart = (await storage.size(runDirectory(run).part(chunk.chunk))) !== undefined;
        return hasPart ? await recoverPart(storage, input) : await recoverSegments(storage, run, chunk);
      },
    ),
  );
}

/**
 * A chunk with a part is done, unless its failed items are to be asked again, or were when the earlier execution ended:
 * then its counts, which are written before the part, are not the part's.
 */
async function recoverPart(storage: Storage, { run, chunk, retryFailed }: RecoverInput): Promise<RecoveredChunk> {
  const counts = await readPartCounts(storage, run, chunk.chunk);
  const segments = await readSegments(storage, run, chunk.chunk);
  const isDone = (): RecoveredChunk => ({ part: { counts }, segments: [], items: '', counts });
  if (segments.size === 0 && !(retryFailed && counts.failed > 0)) return isDone();
  const answered = await readPart(storage, run, chunk);
  if (answered.length === counts.ok && !(retryFailed && counts.failed > 0)) return isDone();
  const inPart = new Set(answered.map(({ item }) => item));
  const later = firstOfEach([...segments.values()].flat().filter(({ item }) => !inPart.has(item)));
  const kept = { ...withoutFailures(counts), ok: answered.length };
  const all = addCounts(kept, countRecords(later));
  return { ...(await keep(storage, run, chunk, [...answered, ...later])), counts: all, reopened: true };
}

/** The answers of a part with their facts. It has a line for each item of its chunk, in input order. */
async function readPart(storage: Storage, run: string, { chunk, first }: ChunkManifest): Promise<SegmentRecord[]> {
  const { part, partFacts } = runDirectory(run);
  const [bytes, stored] = await Promise.all([storage.get(part(chunk)), getJsonIfThere(storage, partFacts(chunk))]);
  const facts = stored === undefined ? new Map() : answerFacts(partFactsSchema.parse(stored));
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.flatMap((text, position) => {
    if (text === '') return [];
    const result: unknown = JSON.parse(text);
    const isError = typeof result === 'object' && result !== null && 'error' in result;
    return isError
      ? []
      : [segmentRecordSchema.parse({ item: first + position, result, ...facts.get(first + position) })];
  });
}

async function recoverSegments(storage: Storage, run: string, chunk: ChunkManifest): Promise<RecoveredChunk> {
  const segments = await readSegments(storage, run, chunk.chunk);
  const records = firstOfEach([...segments.values()].flat());
  return { ...(await keep(storage, run, chunk, records)), counts: countRecords(records) };
}

/** Of several answers of an item the first. */
function firstOfEach(records: readonly SegmentRecord[]): SegmentRecord[] {
  const first = new Map<number, SegmentRecord>();
  for (const record of records) if (!first.has(record.item)) first.set(record.item, record);
  return [...first.values()];
}

/** Puts answers into a segment of its own: what an attempt of the earlier execution still writes is not in it. */
async function keep(
  storage: Storage,
  run: string,
  { chunk }: ChunkManifest,
  records: readonly SegmentRecord[],
): Promise<Pick<RecoveredChunk, 'segments' | 'items'>> {
  if (records.length === 0) return { segments: [], items: '' };
  const sorted = [...records].sort((a, b) => a.item - b.item);
  const { workflowExecution, attempt } = Context.current().info;
  const name = `recovered-${workflowExecution?.runId ?? ''}-${attempt}`;
  const lines = sorted.map((record) => blockLine(name, record));
  await storage.put(runDirectory(run).block(chunk, name), lines.join(''));
  return { segments: [name], items: encodeItems(sorted.map(({ item }) => item)) };
}

function countRecords(records: readonly SegmentRecord[]): Counts {
  return records.reduce((counts, record) => addCounts(counts, countRecord(record)), NO_COUNTS);
}

function countRecord({ result, truncated, ms }: SegmentRecord): Counts {
  const { model, tokens } = result;
  const latency = ms === undefined ? {} : countLatency({}, ms);
  const counts = { ...NO_COUNTS, ok: 1, truncated: truncated === true ? 1 : 0, tokens, requests: 1, latency };
  return countModel(counts, model, { sent: 1, ok: 1, tokens });
}
