import type { Manifest } from '../batch/manifest.js';
import type { Storage } from '../storage/storage.js';
import { ATTACHMENT_RECORD_BYTES, decodeAttachments, isList, type StagedAttachment } from './attachment-index.js';
import { attachmentKey, runDirectory } from './run-directory.js';

/** Attachments that are checked concurrently: each is a request without content. */
const LOOKS_AT_ONCE = 32;

/** Records of one read: about 1 MB. */
const RECORDS_AT_ONCE = 20_000;

/**
 * Returns true if a run's staged attachments and their index are there, judged by their sizes. Runs share attachments, so
 * they may have been removed. `onLook` is called with the number of attachments checked so far.
 */
export async function hasAttachments(
  storage: Storage,
  run: string,
  { items }: Manifest,
  onLook: (count: number) => void = () => undefined,
): Promise<boolean> {
  const key = runDirectory(run).attachments;
  const records = ((await storage.size(key)) ?? 0) / ATTACHMENT_RECORD_BYTES;
  if (!Number.isInteger(records) || records < items) return false;
  let listed = 0;
  let count = 0;
  for (let first = 0; first < records; first += RECORDS_AT_ONCE) {
    const end = Math.min(records, first + RECORDS_AT_ONCE);
    const found = contentsOf(
      await storage.getRange(key, first * ATTACHMENT_RECORD_BYTES, end * ATTACHMENT_RECORD_BYTES),
    );
    if (found === undefined || !(await areThere(storage, found.staged, () => onLook(++count)))) return false;
    listed += found.listed;
  }
  return records === items + listed;
}

/** What records have. */
interface Contents {
  /** The distinct attachments. */
  readonly staged: readonly StagedAttachment[];
  /** Records that others say are behind those of the items. */
  readonly listed: number;
}

/** Returns what is in records; undefined for bytes that are not records. */
function contentsOf(records: Uint8Array): Contents | undefined {
  try {
    const all = decodeAttachments(records);
    const staged = all.flatMap((record) => (record === undefined || isList(record) ? [] : [record]));
    const listed = all.reduce((sum, record) => sum + (isList(record) ? record.count : 0), 0);
    return { staged: [...new Map(staged.map((attachment) => [attachment.sha256, attachment])).values()], listed };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

async function areThere(storage: Storage, staged: readonly StagedAttachment[], onLook: () => void): Promise<boolean> {
  const left = staged.values();
  let isWhole = true;
  const lane = async (): Promise<void> => {
    // All lanes take from the same iterator and end when an attachment is missing.
    for (const { sha256, bytes } of left) {
      if ((await storage.size(attachmentKey(sha256))) !== bytes) isWhole = false;
      if (!isWhole) return;
      onLook();
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, lane));
  return isWhole;
}
