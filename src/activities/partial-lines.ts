import { readStagedManifest } from '../input/stage.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { getPartIfWhole } from './parts.js';
import { readSegments } from './segments.js';

/**
 * The output lines that a run has so far, in input order: its finished chunks whole, of the others the answers. Errors
 * of a chunk are known at its end. Nothing for a run whose input is not staged.
 */
export async function* partialLines(storage: Storage, run: string): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = await readStagedManifest(storage, run);
  for (const { chunk } of manifest?.chunks ?? []) {
    // In this order: a chunk that ends meanwhile removes its segments once its part is there.
    const answers = await answerLines(storage, run, chunk).catch(nothingIfRemoved);
    yield (await getPartIfWhole(storage, run, chunk))?.content ?? Buffer.from(answers);
  }
}

function nothingIfRemoved(error: unknown): string {
  if (error instanceof StorageError && error.code === 'NOT_FOUND') return '';
  throw error;
}

async function answerLines(storage: Storage, run: string, chunk: number): Promise<string> {
  const lines = new Map<number, string>();
  for (const records of (await readSegments(storage, run, chunk)).values()) {
    for (const { item, result } of records) {
      if (!lines.has(item)) lines.set(item, `${JSON.stringify(result)}\n`);
    }
  }
  return [...lines.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, line]) => line)
    .join('');
}
