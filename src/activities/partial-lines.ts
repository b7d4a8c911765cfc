import { readStagedManifest } from '../input/stage.js';
import { runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { readSegments, type SegmentRecord } from './segments.js';

/**
 * The output lines that a run has so far, in input order: its finished chunks whole, of the others the answers. Errors
 * of a chunk are known at its end. Nothing for a run whose input is not staged.
 */
export async function* partialLines(storage: Storage, run: string): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = await readStagedManifest(storage, run);
  for (const { chunk } of manifest?.chunks ?? []) {
    const answers = await answersSoFar(storage, run, chunk);
    const lines = answers?.map(({ result }) => `${JSON.stringify(result)}\n`);
    yield lines === undefined ? await storage.get(runDirectory(run).part(chunk)) : Buffer.from(lines.join(''));
  }
}

/** The answers that a chunk has so far, each item once, in input order; undefined when its part is there. */
export async function answersSoFar(
  storage: Storage,
  run: string,
  chunk: number,
): Promise<readonly SegmentRecord[] | undefined> {
  const isDone = async () => (await storage.size(runDirectory(run).part(chunk))) !== undefined;
  if (await isDone()) return undefined;
  const answers = await answersInSegments(storage, run, chunk).catch(nothingIfRemoved);
  // Once more: a chunk that ends meanwhile removes its segments once its part is there.
  return (await isDone()) ? undefined : answers;
}

function nothingIfRemoved(error: unknown): readonly SegmentRecord[] {
  if (error instanceof StorageError && error.code === 'NOT_FOUND') return [];
  throw error;
}

async function answersInSegments(storage: Storage, run: string, chunk: number): Promise<readonly SegmentRecord[]> {
  const answers = new Map<number, SegmentRecord>();
  for (const records of (await readSegments(storage, run, chunk)).values()) {
    for (const record of records) if (!answers.has(record.item)) answers.set(record.item, record);
  }
  return [...answers.values()].sort((a, b) => a.item - b.item);
}
