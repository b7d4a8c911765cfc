import { z } from 'zod';
import type { AnswerFacts } from '../batch/part-facts.js';
import { readStagedManifest } from '../input/stage.js';
import { runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { getPartIfWhole } from './parts.js';
import { readSegments } from './segments.js';

/** An item of a chunk that has not ended: its output line, without the line end, and what is known of an answer. */
export interface LineSoFar {
  readonly item: number;
  readonly line: string;
  readonly facts: AnswerFacts;
}

/**
 * The output lines that a run has so far, in input order: its finished chunks whole, of the others the answers. Errors
 * of a chunk are known at its end, also when it was cancelled. Nothing for a run whose input is not staged.
 */
export async function* partialLines(storage: Storage, run: string): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = await readStagedManifest(storage, run);
  for (const { chunk } of manifest?.chunks ?? []) {
    const part = await getPartIfWhole(storage, run, chunk);
    if (part !== undefined) {
      yield part.content;
      continue;
    }
    const lines = await readLines(storage, run, chunk).catch(nothingIfRemoved);
    // Once more: a chunk that ends meanwhile removes its segments once its part is there.
    const since = await getPartIfWhole(storage, run, chunk);
    yield since?.content ?? Buffer.from(lines.map(({ line }) => `${line}\n`).join(''));
  }
}

/** What a chunk has so far, in input order; undefined when its part is there. */
export async function linesSoFar(storage: Storage, run: string, chunk: number): Promise<LineSoFar[] | undefined> {
  const isDone = async () => (await storage.size(runDirectory(run).part(chunk))) !== undefined;
  if (await isDone()) return undefined;
  const lines = await readLines(storage, run, chunk).catch(nothingIfRemoved);
  // Once more: a chunk that ends meanwhile removes its segments once its part is there.
  return (await isDone()) ? undefined : lines;
}

function nothingIfRemoved(error: unknown): LineSoFar[] {
  if (error instanceof StorageError && error.code === 'NOT_FOUND') return [];
  throw error;
}

/**
 * The error lines that a chunk without a part has: those of a chunk that was cancelled, less the items that a later
 * execution has answered. By item, in input order, without line ends.
 */
export async function failureLines(storage: Storage, run: string, chunk: number): Promise<ReadonlyMap<number, string>> {
  const failures = await keptFailures(storage, run, chunk);
  if (failures.length === 0) return new Map();
  const lines = new Map(failures.sort((a, b) => a.item - b.item).map(({ item, line }) => [item, line]));
  for (const records of (await readSegments(storage, run, chunk)).values()) {
    for (const { item } of records) lines.delete(item);
  }
  return lines;
}

async function readLines(storage: Storage, run: string, chunk: number): Promise<LineSoFar[]> {
  const lines = new Map((await keptFailures(storage, run, chunk)).map((failure) => [failure.item, failure]));
  const answered = new Set<number>();
  for (const records of (await readSegments(storage, run, chunk)).values()) {
    for (const { item, result, ...facts } of records) {
      if (!answered.has(item)) lines.set(item, { item, line: JSON.stringify(result), facts });
      answered.add(item);
    }
  }
  return [...lines.values()].sort((a, b) => a.item - b.item);
}

const keptFailureSchema = z.object({ item: z.number(), line: z.string() });

/** Error lines of a chunk that was cancelled. An answer that a later execution has got goes before. */
async function keptFailures(storage: Storage, run: string, chunk: number): Promise<LineSoFar[]> {
  const key = runDirectory(run).failures(chunk);
  if ((await storage.size(key)) === undefined) return [];
  const text = Buffer.from(await storage.get(key)).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ ...keptFailureSchema.parse(JSON.parse(line)), facts: {} }));
}
