import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import type { ItemId } from '../batch/items.js';
import { countLayout } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { type AnswerFacts, type PartFacts, partFacts } from '../batch/part-facts.js';
import type { FailedItem, PartInput } from '../batch/work.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import { packItems } from './pack-items.js';
import { readSegments, warnOfDamage } from './segments.js';
import { readItemPlaces } from './settings.js';

const invalidItemSchema = z.object({ item: z.number(), id: z.union([z.string(), z.number()]), error: z.string() });

/** What a chunk's part is made of. */
export interface PartLines {
  /** In input order, one per item, each with its line end. */
  readonly lines: readonly string[];
  readonly facts: PartFacts;
}

/** An answer's output line, without its line end, and its facts. */
interface AnsweredLine extends AnswerFacts {
  readonly line: string;
}

/**
 * A chunk's output lines and facts. Fails with `ReconciliationFailed` unless every item of the chunk has exactly one line
 * and they are what was counted.
 */
export async function partLines(storage: Storage, input: PartInput): Promise<PartLines> {
  const failed = await errorLines(storage, input);
  const answered = await answeredLines(storage, input, failed);
  const { first, layout } = input.chunk;
  const items = Object.values(countLayout(layout)).reduce((sum, count) => sum + count, 0);
  const lines: string[] = [];
  for (let item = first; item < first + items; item++) {
    const line = failed.get(item) ?? answered.get(item)?.line;
    if (line !== undefined) lines.push(`${line}\n`);
  }
  const { ok } = input.counts;
  const failures = input.counts.failed + input.counts.skipped;
  const isWhole = lines.length === items && answered.size + failed.size === items;
  if (!isWhole || answered.size !== ok || failed.size !== failures) {
    const message = `chunk ${input.chunk.chunk} has ${items} items, but ${answered.size} answers (${ok} counted) and ${failed.size} errors (${failures} counted)`;
    throw ApplicationFailure.nonRetryable(message, 'ReconciliationFailed');
  }
  return { lines, facts: partFacts(first, items, answered, input.failures) };
}

async function answeredLines(
  storage: Storage,
  { run, chunk, segments }: PartInput,
  failed: ReadonlyMap<number, string>,
): Promise<Map<number, AnsweredLine>> {
  const lines = new Map<number, AnsweredLine>();
  if (segments.length === 0) return lines;
  const found = await readSegments(storage, run, chunk.chunk, warnOfDamage);
  for (const name of new Set(segments)) {
    for (const { item, result, ...facts } of found.get(name) ?? []) {
      // The first recorded answer is the one that was counted.
      if (!lines.has(item) && !failed.has(item)) lines.set(item, { line: JSON.stringify(result), ...facts });
    }
  }
  return lines;
}

/** The error lines of a chunk by item: of those that failed and of invalid ones. */
export async function errorLines(storage: Storage, input: PartInput): Promise<Map<number, string>> {
  const failures = new Map(input.failures.map((failure) => [failure.item, failure]));
  const lines = await invalidLines(storage, input.run, input.chunk);
  const items = [...failures.keys()].sort((a, b) => a - b);
  if (items.length === 0) return lines;
  const places = readItemPlaces(storage, input.run);
  for await (const { item, id } of packItems(storage, input.run, items, places)) {
    const failure = failures.get(item);
    if (failure !== undefined) lines.set(item, errorLine(id, failure, input.detail));
  }
  return lines;
}

function errorLine(id: ItemId, { model, error, attempts, tried }: FailedItem, detail: boolean): string {
  const line = { id, model: model === '' ? null : model, error };
  return JSON.stringify(detail ? { ...line, attempts, models_tried: [...new Set(tried)] } : line);
}

async function invalidLines(storage: Storage, run: string, chunk: ChunkManifest): Promise<Map<number, string>> {
  const lines = new Map<number, string>();
  if (countLayout(chunk.layout).invalid === 0) return lines;
  const bytes = await storage.get(runDirectory(run).invalid(chunk.chunk));
  for (const text of Buffer.from(bytes).toString('utf8').split('\n')) {
    if (text === '') continue;
    const { item, id, error } = invalidItemSchema.parse(JSON.parse(text));
    lines.set(item, JSON.stringify({ id, model: null, error }));
  }
  return lines;
}
