import type { Counts } from '../batch/counts.js';
import { layoutRuns } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { type AnswerFacts, partFacts } from '../batch/part-facts.js';
import type { PartInput } from '../batch/step-contract.js';
import type { Storage } from '../storage/storage.js';
import { copyLines, type LineSource } from './copy-lines.js';
import { countCopies, countEnds, mergeCounts } from './count-outcomes.js';
import { readInvalidLines } from './invalid-lines.js';
import type { OutcomeIndex } from './outcome-index.js';
import { type FailureRecord, parseOutcome } from './outcomes.js';
import { failureLine } from './output-line.js';
import { findPart, putPart } from './parts.js';
import { readReused } from './reused-lines.js';
import { runDirectory } from './run-directory.js';
import { type OnWarn, readOutcomes } from './segments.js';
import { readCopies, readTwins, twinLine } from './twins.js';

/** Missing items that are named in an error. */
const NAMED = 10;

/** A chunk whose items do not all have an outcome. */
export class ReconciliationError extends Error {
  override readonly name = 'ReconciliationError';
}

/**
 * Merges the records of a chunk with its invalid lines into its part: one line per item in input order. Returns the part's
 * counts: how items ended as the records have it, and what was sent as the input has it. Idempotent. Throws
 * {@link ReconciliationError} if an item has no outcome.
 */
export async function writePart(storage: Storage, input: PartInput, onWarn: OnWarn): Promise<{ counts: Counts }> {
  const { run, chunk } = input;
  const counts = (await writtenPart(storage, input, onWarn)) ?? (await merge(storage, input, onWarn));
  await storage.removeAll(runDirectory(run).chunk(chunk.chunk));
  return { counts };
}

/**
 * Returns the counts of the chunk's part if it is there: another attempt's, or an earlier execution's. One that is to be
 * replaced does not count, unless it is the new one already: then the same was sent for it.
 */
async function writtenPart(
  storage: Storage,
  { run, chunk, replace, counts }: PartInput,
  onWarn: OnWarn,
): Promise<Counts | undefined> {
  const part = await findPart(storage, run, chunk.chunk, onWarn);
  const isOld = part !== undefined && replace === true && !sameRequests(part.counts, counts);
  return isOld ? undefined : part?.counts;
}

function sameRequests(a: Counts, b: Counts): boolean {
  return (
    a.requests === b.requests && a.retries === b.retries && a.empty === b.empty && a.wastedTokens === b.wastedTokens
  );
}

async function merge(storage: Storage, input: PartInput, onWarn: OnWarn): Promise<Counts> {
  try {
    return await mergeRecords(storage, input, onWarn);
  } catch (error) {
    // Another attempt may have finished meanwhile and removed the segments.
    const other = await writtenPart(storage, input, onWarn);
    if (other === undefined) throw error;
    return other;
  }
}

async function mergeRecords(storage: Storage, input: PartInput, onWarn: OnWarn): Promise<Counts> {
  const { run, chunk, detail } = input;
  const [index, invalid, reused, twins, copies] = await Promise.all([
    readOutcomes(storage, run, chunk.chunk, onWarn),
    readInvalidLines(storage, run, chunk),
    readReused(storage, run, chunk),
    readTwins(storage, run, chunk),
    readCopies(storage, run, chunk),
  ]);
  const others = new Map<number, LineSource>(invalid);
  for (const [item, place] of reused.places) others.set(item, { place });
  for (const [item, twin] of twins) others.set(item, twinLine(twin));
  const lines = linesOf(itemsOf(chunk), index, others, detail);
  refuseMissing(chunk, lines);
  const items = [...lines.keys()].filter((item) => !others.has(item));
  const ends = countCopies(countEnds(index, items), index, copies);
  const counts = { ...mergeCounts(ends, input.counts), skipped: invalid.size };
  const failures = items
    .flatMap((item) => index.failure(item) ?? [])
    .map(({ item, failure }) => ({ item, ...failure }));
  const answers = new Map<number, AnswerFacts>(index.answers);
  for (const item of reused.truncated) answers.set(item, { truncated: true });
  const facts = partFacts(chunk.first, lines.size, answers, failures);
  await putPart(storage, run, chunk.chunk, { lines: copyLines(storage, lines.values()), facts, counts });
  return counts;
}

function refuseMissing(chunk: ChunkManifest, lines: ReadonlyMap<number, LineSource>): void {
  const missing = itemsOf(chunk).filter((item) => !lines.has(item));
  if (missing.length === 0) return;
  const named = missing.slice(0, NAMED).join(', ');
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
  throw new ReconciliationError(
    `chunk ${chunk.chunk} has ${lines.size + missing.length} items, but ${missing.length} have no outcome: items ${named}${more}`,
  );
}

/** Returns the indices of a chunk's items. */
export function itemsOf({ first, layout }: ChunkManifest): number[] {
  const count = layoutRuns(layout).reduce((sum, run) => sum + run.count, 0);
  return Array.from({ length: count }, (_, position) => first + position);
}

/**
 * Returns the output lines of those of the items that have ended, in the order of the items; `others` are the lines of items
 * that are not asked.
 */
export function linesOf(
  items: readonly number[],
  index: OutcomeIndex,
  others: ReadonlyMap<number, LineSource>,
  detail: boolean,
): Map<number, LineSource> {
  const lines = new Map<number, LineSource>();
  for (const item of items) {
    const line = others.get(item) ?? lineOf(item, index, detail);
    if (line !== undefined) lines.set(item, line);
  }
  return lines;
}

function lineOf(item: number, index: OutcomeIndex, detail: boolean): LineSource | undefined {
  const place = index.answers.get(item)?.place;
  if (place !== undefined) return { place };
  const failure = index.failure(item);
  if (failure === undefined) return undefined;
  // Only a line with all facts has the text of an answer against the schema; it is long, and stays in storage until then.
  if (failure.place === undefined || !detail) return failureLine(failure, detail);
  return { place: failure.place, make: (record) => failureLine(failureIn(record) ?? failure, detail) };
}

function failureIn(line: Buffer): FailureRecord | undefined {
  const record = parseOutcome(line);
  return record !== undefined && 'failure' in record ? record : undefined;
}
