import { type Manifest, manifestSchema } from '../batch/manifest.js';
import { getJsonIfThere } from '../storage/json.js';
import { inputKey, runDirectory } from '../storage/run-directory.js';
import { damaged, type Storage } from '../storage/storage.js';
import { ATTACHMENT_RECORD_BYTES, decodeAttachments, type StagedAttachment } from './attachment-index.js';
import { checkedStream } from './checked-stream.js';
import { InputError } from './errors.js';
import { decodeOffsets, type ItemOffset, OFFSET_BYTES, offsetsRange } from './offsets.js';
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
  await stageContent(storage, run, scan, open, onBytes);
  for (const [chunk, items] of invalidByChunk(scan)) {
    const lines = items.map((item) => `${JSON.stringify(item)}\n`).join('');
    await storage.put(directory.invalid(chunk), lines);
  }
  await storage.put(directory.manifest, JSON.stringify(scan.manifest));
}

/**
 * Puts what of a scanned input does not depend on its chunks into storage: the content, unless it is there already, and
 * where its items lie. With it a run whose manifest is there has its input back.
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
  await storage.putStream(runDirectory(run).offsets, toAsync(scan.offsets));
}

/**
 * Whether the content that a manifest is of, and where its items lie, are there, as far as their sizes tell: somebody
 * may have removed what several runs share, or a disk lost it.
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
  const offsets = decodeOffsets(
    await readRecords(storage, runDirectory(run).offsets, offsetsRange(first, last + 1)),
    first,
  );
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
  const range = { start: first * ATTACHMENT_RECORD_BYTES, end: (last + 1) * ATTACHMENT_RECORD_BYTES };
  const found = decodeAttachments(await readRecords(storage, runDirectory(run).attachments, range));
  return new Map(found.flatMap((attachment, at) => (attachment === undefined ? [] : [[first + at, attachment]])));
}

/** Reads records that must be there: an item without its record would be forgotten, or asked without its attachment. */
async function readRecords(
  storage: Storage,
  key: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Uint8Array> {
  const bytes = await storage.getRange(key, start, end);
  if (bytes.byteLength === end - start) return bytes;
  throw damaged(storage, key, `it ends after ${start + bytes.byteLength} bytes, and ${end} are needed`);
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
