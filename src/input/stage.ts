import { type Manifest, manifestSchema } from '../batch/manifest.js';
import { getJsonIfThere } from '../storage/json.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import { InputError } from './errors.js';
import { decodeOffsets, type ItemOffset, offsetsRange } from './offsets.js';
import type { InvalidItem, ScanResult } from './scan.js';

/**
 * Puts a scanned input into the run directory: the input itself, where its items lie, its invalid lines, and last the
 * manifest, whose presence means that all of it is there. Doing it again changes nothing.
 */
export async function stageInput(
  storage: Storage,
  run: string,
  scan: ScanResult,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const directory = runDirectory(run);
  await storage.putStream(directory.input, source);
  const staged = await storage.size(directory.input);
  if (staged !== scan.manifest.bytes) {
    throw new InputError(
      'CHANGED',
      run,
      `the input changed while it was read: ${scan.manifest.bytes} bytes were checked, ${staged} are there now`,
    );
  }
  await storage.putStream(directory.offsets, toAsync(scan.offsets));
  for (const [chunk, items] of invalidByChunk(scan)) {
    const lines = items.map((item) => `${JSON.stringify(item)}\n`).join('');
    await storage.put(directory.invalid(chunk), lines);
  }
  await storage.put(directory.manifest, JSON.stringify(scan.manifest));
}

/** The manifest of a run whose input is staged; undefined when it is not. */
export async function readStagedManifest(storage: Storage, run: string): Promise<Manifest | undefined> {
  const stored = await getJsonIfThere(storage, runDirectory(run).manifest);
  return stored === undefined ? undefined : manifestSchema.parse(stored);
}

/** Where the wanted items of a run lie in its input. `items` rises and is not empty. */
export async function readOffsets(storage: Storage, run: string, items: readonly number[]): Promise<ItemOffset[]> {
  const [first = 0] = items;
  const last = items.at(-1) ?? first;
  const range = offsetsRange(first, last + 1);
  const bytes = await storage.getRange(runDirectory(run).offsets, range.start, range.end);
  const offsets = decodeOffsets(bytes, first);
  return items.flatMap((item) => offsets[item - first] ?? []);
}

async function* toAsync(blocks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* blocks;
}

function invalidByChunk({ manifest, invalid }: ScanResult): Map<number, InvalidItem[]> {
  const chunks = new Map<number, InvalidItem[]>();
  for (const item of invalid) {
    const chunk = Math.floor(item.item / manifest.chunkSize);
    const items = chunks.get(chunk);
    if (items === undefined) chunks.set(chunk, [item]);
    else items.push(item);
  }
  return chunks;
}
