import {
  type AttachmentStamp,
  decodeStamps,
  type RecordList,
  STAMP_BYTES,
  stampChange,
} from '../input/attachment-stamps.js';
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
): Promise<ReadonlyMap<number, readonly (StagedAttachment | undefined)[]>> {
  const key = runDirectory(run).attachments;
  const read = async (first: number, count: number) => {
    const range = { start: first * ATTACHMENT_RECORD_BYTES, end: (first + count) * ATTACHMENT_RECORD_BYTES };
    return decoded(storage, key, await readRecords(storage, key, range));
  };
  return await byItem(items, read);
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
): Promise<ReadonlyMap<number, readonly (AttachmentStamp | undefined)[]>> {
  const read = async (first: number, count: number) => {
    const range = { start: first * STAMP_BYTES, end: (first + count) * STAMP_BYTES };
    return decodeStamps((await ifThere(readRecords(storage, runDirectory(run).stamps, range))) ?? NO_BYTES);
  };
  return await byItem(items, read);
}

/**
 * Reads the records of rising items, from the first to the last, and those that they say are elsewhere. Returns by item what
 * is known of its attachments; items without any are left out.
 */
async function byItem<T extends object>(
  items: readonly number[],
  read: (first: number, count: number) => Promise<(T | RecordList | undefined)[]>,
): Promise<ReadonlyMap<number, readonly (T | undefined)[]>> {
  const [first = 0] = items;
  const wanted = new Set(items);
  const found = new Map<number, readonly (T | undefined)[]>();
  const lists: (RecordList & { readonly item: number })[] = [];
  for (const [at, record] of (await read(first, (items.at(-1) ?? first) - first + 1)).entries()) {
    const item = first + at;
    if (record === undefined || !wanted.has(item)) continue;
    if (isRecordList(record)) lists.push({ ...record, item });
    else found.set(item, [record]);
  }
  const [begin] = lists;
  if (begin === undefined) return found;
  // They are in the order of the items: one read has them all.
  const last = lists.at(-1) ?? begin;
  const records = await read(begin.first, last.first + last.count - begin.first);
  for (const { item, first: from, count } of lists) {
    const own = records.slice(from - begin.first, from - begin.first + count);
    found.set(
      item,
      own.map((record) => (record === undefined || isRecordList(record) ? undefined : record)),
    );
  }
  return found;
}

function isRecordList(record: object): record is RecordList {
  return 'first' in record;
}

function decoded(storage: Storage, key: string, bytes: Uint8Array): (StagedAttachment | RecordList | undefined)[] {
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
      const then = before[at];
      if (now === undefined || isRecordList(now) || (then !== undefined && isRecordList(then))) return;
      if (stampChange(then, now) !== undefined) count++;
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
