import { Context, log } from '@temporalio/activity';
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
import { getPartIfWhole, type Part } from './parts.js';
import { blockLine, readSegments, type SegmentRecord, segmentRecordSchema, warnOfDamage } from './segments.js';

/** Finds what an earlier execution of the run has left of a chunk: its part, or the answers in its segments. */
export function recoverChunk({ storage }: ActivityDependencies, input: RecoverInput): Promise<RecoveredChunk> {
  const { run, chunk, retryFailed } = input;
  return translated(() =>
    withHeartbeat(
      () => ({ chunk: chunk.chunk }),
      async () => {
        const part = await getPartIfWhole(storage, run, chunk.chunk, (message) => log.warn(message));
        if (part === undefined) return await recoverSegments(storage, run, chunk);
        const { counts } = part;
        if (retryFailed && counts.failed > 0) return await reopen(storage, input, part);
        return { part: { counts }, segments: [], items: '', counts };
      },
    ),
  );
}

/** Takes a part's answers, and what an earlier execution had got of its failed items, as a segment: the rest is open. */
async function reopen(
  storage: Storage,
  { run, chunk }: RecoverInput,
  { content, counts }: Part,
): Promise<RecoveredChunk> {
  const answered = await answersOf(storage, run, chunk, content);
  const inPart = new Set(answered.map(({ item }) => item));
  const segments = await readSegments(storage, run, chunk.chunk, warnOfDamage);
  const later = firstOfEach([...segments.values()].flat().filter(({ item }) => !inPart.has(item)));
  const all = addCounts(withoutFailures(counts), countRecords(later));
  return { ...(await keep(storage, run, chunk, [...answered, ...later])), counts: all, reopened: true };
}

/** The answers of a part with their facts. It has a line for each item of its chunk, in input order. */
async function answersOf(
  storage: Storage,
  run: string,
  { chunk, first }: ChunkManifest,
  content: Uint8Array,
): Promise<SegmentRecord[]> {
  const stored = await getJsonIfThere(storage, runDirectory(run).partFacts(chunk));
  // Without them no times are known: no reason to give the answers up.
  const parsed = partFactsSchema.safeParse(stored);
  const facts = parsed.success ? answerFacts(parsed.data) : new Map();
  const lines = Buffer.from(content).toString('utf8').split('\n');
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
  const segments = await readSegments(storage, run, chunk.chunk, warnOfDamage);
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
