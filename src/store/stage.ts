import type { Manifest } from '../batch/manifest.js';
import { checkedStream } from '../input/checked-stream.js';
import { InputError } from '../input/errors.js';
import { OFFSET_BYTES } from '../input/offsets.js';
import type { InvalidItem, ScanResult } from '../input/scan.js';
import type { Storage } from '../storage/storage.js';
import { putInvalidLines } from './invalid-lines.js';
import { putManifest } from './manifest.js';
import { inputKey, runDirectory } from './run-directory.js';

/**
 * Writes a scanned input to storage: its content unless it is there already, then the offsets of its items, its invalid
 * lines, the keys of its items, and last the manifest, whose presence means that everything is there. Idempotent. Throws {@link InputError}
 * `CHANGED` if the source differs from what was scanned.
 */
export async function stageInput(
  storage: Storage,
  run: string,
  scan: ScanResult,
  open: () => AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  await stageContent(storage, run, scan, open, onBytes);
  for (const [first, items] of invalidByChunk(scan)) {
    await putInvalidLines(storage, run, first, items);
  }
  await storage.putStream(runDirectory(run).keys, scan.keys);
  await putManifest(storage, run, scan.manifest);
}

/**
 * Writes the parts of a scanned input that do not depend on its chunks: its content unless it is there already, the
 * offsets of its items, the stamps of its attached files and the order in which items are asked. This restores the input of a run whose manifest is there.
 */
export async function stageContent(
  storage: Storage,
  run: string,
  scan: ScanResult,
  open: () => AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const key = inputKey(scan.manifest.sha256);
  if ((await storage.size(key)) !== scan.manifest.bytes) {
    await storage.putStream(
      key,
      checkedStream(open(), scan.manifest, (bytes) => changed(run, scan, bytes), onBytes),
    );
  }
  const directory = runDirectory(run);
  if (scan.stamps.length > 0) await storage.putStream(directory.stamps, toAsync(scan.stamps));
  if (scan.order.length > 0) await storage.putStream(directory.order, toAsync(scan.order));
  await storage.putStream(directory.offsets, scan.offsets);
}

/**
 * Returns true if the content and the offsets of a manifest's input are there, judged by their sizes. Runs share inputs,
 * so they may have been removed.
 */
export async function hasContent(storage: Storage, run: string, { sha256, bytes, items }: Manifest): Promise<boolean> {
  const [content, offsets] = await Promise.all([
    storage.size(inputKey(sha256)),
    storage.size(runDirectory(run).offsets),
  ]);
  return content === bytes && offsets === items * OFFSET_BYTES;
}

function changed(run: string, { manifest }: ScanResult, bytes: number): InputError {
  const how = bytes === manifest.bytes ? '' : `: ${manifest.bytes} bytes were checked, ${bytes} are there now`;
  return new InputError('CHANGED', run, `the input changed while it was read${how}`);
}

async function* toAsync(blocks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* blocks;
}

/** Returns the invalid lines by the first items of their chunks. */
function invalidByChunk({ manifest, invalid }: ScanResult): Map<number, InvalidItem[]> {
  const chunks = new Map<number, InvalidItem[]>();
  for (const item of invalid) {
    const first = item.item - (item.item % manifest.chunkSize);
    const items = chunks.get(first);
    if (items === undefined) chunks.set(first, [item]);
    else items.push(item);
  }
  return chunks;
}
