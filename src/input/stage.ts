import { type Manifest, manifestSchema } from '../batch/manifest.js';
import { getJsonIfThere } from '../storage/json.js';
import { inputKey, runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import { ATTACHMENT_RECORD_BYTES, decodeAttachments, type StagedAttachment } from './attachment-index.js';
import { checkedStream } from './checked-stream.js';
import { InputError } from './errors.js';
import { decodeOffsets, type ItemOffset, offsetsRange } from './offsets.js';
import type { InvalidItem, ScanResult } from './scan.js';

/**
 * Puts a scanned input into storage: the input itself, unless its content is there already, then into the run directory
 * where its items lie, its invalid lines, and last the manifest, whose presence means that all of it is there. Doing it
 * again changes nothing. Throws {@link InputError} `CHANGED` when the source is not what was scanned.
 */
export async function stageInput(
  storage: Storage,
  run: string,
  scan: ScanResult,
  open: () => AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const directory = runDirectory(run);
  const key = inputKey(scan.manifest.sha256);
  if ((await storage.size(key)) !== scan.manifest.bytes) {
    await storage.putStream(
      key,
      checkedStream(open(), scan.manifest, (bytes) => changed(run, scan, bytes), onBytes),
    );
  }
  await storage.putStream(directory.offsets, toAsync(scan.offsets));
  for (const [chunk, items] of invalidByChunk(scan)) {
    const lines = items.map((item) => `${JSON.stringify(item)}\n`).join('');
    await storage.put(directory.invalid(chunk), lines);
  }
  await storage.put(directory.manifest, JSON.stringify(scan.manifest));
}

function changed(run: string, { manifest }: ScanResult, bytes: number): InputError {
  const how = bytes === manifest.bytes ? '' : `: ${manifest.bytes} bytes were checked, ${bytes} are there now`;
  return new InputError('CHANGED', run, `the input changed while it was read${how}`);
}

/** The manifest of a run whose input is staged; undefined when it is not. */
export async function readStagedManifest(storage: Storage, run: string): Promise<Manifest | undefined> {
  const stored = await getJsonIfThere(storage, runDirectory(run).manifest);
  return stored === undefined ? undefined : manifestSchema.parse(stored);
}

/** Where the wanted items of a run lie in its input. `items` rises and is not empty. */
export async function readStagedOffsets(
  storage: Storage,
  run: string,
  items: readonly number[],
): Promise<ItemOffset[]> {
  const [first = 0] = items;
  const last = items.at(-1) ?? first;
  const range = offsetsRange(first, last + 1);
  const bytes = await storage.getRange(runDirectory(run).offsets, range.start, range.end);
  const offsets = decodeOffsets(bytes, first);
  return items.flatMap((item) => offsets[item - first] ?? []);
}

/** The staged attachments of the wanted items of a run, by item. `items` rises and is not empty. */
export async function readStagedAttachments(
  storage: Storage,
  run: string,
  items: readonly number[],
): Promise<ReadonlyMap<number, StagedAttachment>> {
  const [first = 0] = items;
  const last = items.at(-1) ?? first;
  const [start, end] = [first * ATTACHMENT_RECORD_BYTES, (last + 1) * ATTACHMENT_RECORD_BYTES];
  const found = decodeAttachments(await storage.getRange(runDirectory(run).attachments, start, end));
  return new Map(found.flatMap((attachment, at) => (attachment === undefined ? [] : [[first + at, attachment]])));
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
