import { z } from 'zod';
import { readStagedManifest } from '../input/stage.js';
import { runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { readSegments } from './segments.js';

/**
 * The output lines that a run has so far, in input order: its finished chunks whole, of the others the answers. Errors
 * of a chunk are known at its end, also when it was cancelled. Nothing for a run whose input is not staged.
 */
export async function* partialLines(storage: Storage, run: string): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = await readStagedManifest(storage, run);
  for (const { chunk } of manifest?.chunks ?? []) {
    const part = runDirectory(run).part(chunk);
    // In this order: a chunk that ends meanwhile removes its segments once its part is there.
    const answers = await answerLines(storage, run, chunk).catch(nothingIfRemoved);
    yield (await storage.size(part)) === undefined ? Buffer.from(answers) : await storage.get(part);
  }
}

function nothingIfRemoved(error: unknown): string {
  if (error instanceof StorageError && error.code === 'NOT_FOUND') return '';
  throw error;
}

/**
 * The error lines that a chunk without a part has: those of a chunk that was cancelled, less the items that a later
 * execution has answered. By item, in input order, without line ends.
 */
export async function failureLines(storage: Storage, run: string, chunk: number): Promise<ReadonlyMap<number, string>> {
  const lines = await keptFailures(storage, run, chunk);
  if (lines.size === 0) return lines;
  for (const records of (await readSegments(storage, run, chunk)).values()) {
    for (const { item } of records) lines.delete(item);
  }
  return new Map([...lines].sort(([a], [b]) => a - b).map(([item, line]) => [item, line.trimEnd()]));
}

async function answerLines(storage: Storage, run: string, chunk: number): Promise<string> {
  const lines = await keptFailures(storage, run, chunk);
  const answered = new Set<number>();
  for (const records of (await readSegments(storage, run, chunk)).values()) {
    for (const { item, result } of records) {
      if (!answered.has(item)) lines.set(item, `${JSON.stringify(result)}\n`);
      answered.add(item);
    }
  }
  return [...lines.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, line]) => line)
    .join('');
}

const keptFailureSchema = z.object({ item: z.number(), line: z.string() });

/** Error lines of a chunk that was cancelled. An answer that a later execution has got goes before. */
async function keptFailures(storage: Storage, run: string, chunk: number): Promise<Map<number, string>> {
  const key = runDirectory(run).failures(chunk);
  if ((await storage.size(key)) === undefined) return new Map();
  const text = Buffer.from(await storage.get(key)).toString('utf8');
  const records = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => keptFailureSchema.parse(JSON.parse(line)));
  return new Map(records.map(({ item, line }) => [item, `${line}\n`]));
}
