import { type AttachmentStamp, decodeStamps, STAMP_BYTES, stampChange } from '../input/attachment-stamps.js';
import { KEY_RECORD_BYTES, KeyRecords } from '../input/item-keys.js';
import { decodeOffsets, type ItemOffset, offsetsRange } from '../input/offsets.js';
import { damaged, type Storage } from '../storage/storage.js';
import { ATTACHMENT_RECORD_BYTES, decodeAttachments, type StagedAttachment } from './attachment-index.js';
import { ifThere } from './json.js';
import { runDirectory } from './run-directory.js';

/** Longest line of an input, whatever it was scanned with. */
const MAX_LINE_BYTES = 512 << 20;

/** Returns where the wanted items of a run lie in its input. `items` rises and is not empty. */
export async function readStagedOffsets(
  storage: Storage,
  run: string,
  items: readonly number[],
): Promise<ItemOffset[]> {
  const [first = 0] = items;
  const last = items.at(-1) ?? first;
  const key = runDirectory(run).offsets;
  const offsets = decodeOffsets(await readRecords(storage, key, offsetsRange(first, last + 1)), first);
  const wanted = items.flatMap((item) => offsets[item - first] ?? []);
  const strange = wanted.find(
    ({ start, bytes }) => !Number.isSafeInteger(start) || start < 0 || bytes > MAX_LINE_BYTES,
  );
  if (strange !== undefined) throw damaged(storage, key, `it has no place for item ${strange.item}`);
  return wanted;
}

/** Returns the staged attachments of the wanted items of a run, by item. `items` rises and is not empty. */
export async function readStagedAttachments(
  storage: Storage,
  run: string,
  items: readonly number[],
): Promise<ReadonlyMap<number, StagedAttachment>> {
  const key = runDirectory(run).attachments;
  const bytes = await readRecords(storage, key, rangeOf(items, ATTACHMENT_RECORD_BYTES));
  return byItem(items, decoded(storage, key, bytes));
}

/** Returns the keys of the items from `first` to before `end`. */
export async function readKeys(storage: Storage, run: string, first: number, end: number): Promise<KeyRecords> {
  const range = { start: first * KEY_RECORD_BYTES, end: end * KEY_RECORD_BYTES };
  return new KeyRecords(Buffer.from(await readRecords(storage, runDirectory(run).keys, range)), first);
}

/**
 * Returns the stamps of the wanted items' attached files, by item. `items` rises and is not empty. None for a run without
 * them: its attachments are URLs.
 */
export async function readStamps(
  storage: Storage,
  run: string,
  items: readonly number[],
): Promise<ReadonlyMap<number, AttachmentStamp>> {
  const range = rangeOf(items, STAMP_BYTES);
  return byItem(
    items,
    decodeStamps((await ifThere(readRecords(storage, runDirectory(run).stamps, range))) ?? NO_BYTES),
  );
}

/** Returns where the records of rising items lie, from the first to the last (bytes). */
function rangeOf(items: readonly number[], recordBytes: number): { readonly start: number; readonly end: number } {
  const [first = 0] = items;
  return { start: first * recordBytes, end: ((items.at(-1) ?? first) + 1) * recordBytes };
}

/** Returns the records that are there, by item; the first of them is that of the first item. */
function byItem<T>([first = 0]: readonly number[], records: readonly (T | undefined)[]): ReadonlyMap<number, T> {
  return new Map(records.flatMap((record, at) => (record === undefined ? [] : [[first + at, record]])));
}

function decoded(storage: Storage, key: string, bytes: Uint8Array): (StagedAttachment | undefined)[] {
  try {
    return decodeAttachments(bytes);
  } catch (error) {
    throw damaged(storage, key, error instanceof Error ? error.message : String(error), error);
  }
}

/** Returns how many attached files of an input that was scanned again differ from what they were when the run was staged. */
export async function countChangedFiles(storage: Storage, run: string, stamps: readonly Uint8Array[]): Promise<number> {
  let count = 0;
  let start = 0;
  for (const block of stamps) {
    const end = start + block.byteLength;
    const before = decodeStamps((await ifThere(storage.getRange(runDirectory(run).stamps, start, end))) ?? NO_BYTES);
    decodeStamps(block).forEach((now, at) => {
      if (now !== undefined && stampChange(before[at], now) !== undefined) count++;
    });
    start = end;
  }
  return count;
}

const NO_BYTES = new Uint8Array();

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
