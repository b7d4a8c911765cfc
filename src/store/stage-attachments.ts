import { createHash } from 'node:crypto';
import { askedAs, decodeLayout, type LayoutCode } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import type { AttachedFile } from '../input/attachment-file.js';
import { type AttachmentStamp, stampChange, stampsIn } from '../input/attachment-stamps.js';
import { type AttachmentRules, attachmentResolver } from '../input/attachments.js';
import { checkedStream } from '../input/checked-stream.js';
import { AttachmentError } from '../input/errors.js';
import { excerpt } from '../input/excerpt.js';
import { readOffsets } from '../input/offsets.js';
import { type InputItem, type ReadRange, readItems } from '../input/read-items.js';
import type { ScanResult } from '../input/scan.js';
import type { Storage } from '../storage/storage.js';
import { encodeAttachment, encodeList, type StagedAttachment } from './attachment-index.js';
import { attachmentKey, runDirectory } from './run-directory.js';

/** Attachments that are hashed and sent concurrently. */
const CONCURRENCY = 8;

/** Number of files that are remembered, since many items may share one. The oldest are forgotten. */
const REMEMBERED = 20_000;

/** Input of {@link stageAttachments}. */
export interface AttachmentStaging {
  readonly storage: Storage;
  readonly run: string;
  readonly scan: ScanResult;
  /** Reads the input that was scanned. */
  readonly readRange: ReadRange;
  readonly rules: AttachmentRules;
  /** Called with the number of attachments staged so far. */
  readonly onAttachment?: (count: number) => void;
}

/**
 * Writes the attachments of a scanned input to storage, each content once, and the index that maps items to them. Needed
 * if other machines read the storage. Throws {@link AttachmentError} for a file that changed since the scan.
 */
export async function stageAttachments(staging: AttachmentStaging): Promise<void> {
  const { storage, run } = staging;
  await storage.putStream(runDirectory(run).attachments, indexRecords(staging));
}

async function* indexRecords(staging: AttachmentStaging): AsyncGenerator<Uint8Array> {
  const files = new AttachmentFiles(staging);
  /** Records of items with several attachments. */
  const behind: Uint8Array[] = [];
  const { chunks, items } = staging.scan.manifest;
  for (const chunk of chunks) {
    const records = (await chunkRecords(chunk, staging, files)).map((own): Uint8Array => {
      if (own.length < 2) return encodeAttachment(own[0]);
      const list = encodeList({ first: items + behind.length, count: own.length });
      behind.push(...own.map(encodeAttachment));
      return list;
    });
    yield Buffer.concat(records);
  }
  if (behind.length > 0) yield Buffer.concat(behind);
}

/** Returns the staged attachments of each of a chunk's items. */
async function chunkRecords(
  { first, layout }: ChunkManifest,
  { scan, readRange }: AttachmentStaging,
  files: AttachmentFiles,
): Promise<(readonly (StagedAttachment | undefined)[])[]> {
  const codes = decodeLayout(layout);
  const records = codes.map((): readonly (StagedAttachment | undefined)[] => []);
  const attached = codes.flatMap((code, at) => (isAttached(code) ? [first + at] : []));
  const items = readItems(readRange, readOffsets(scan.offsets, attached));
  const lane = async (): Promise<void> => {
    // All lanes take from the same iterator.
    for (let next = await items.next(); next.done !== true; next = await items.next()) {
      records[next.value.item - first] = await files.stage(next.value);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return records;
}

function isAttached(code: LayoutCode): boolean {
  const modality = askedAs(code);
  return modality !== undefined && modality !== 'text';
}

/** Files of an input. Each name is resolved once and each content sent once, as long as it is remembered. */
class AttachmentFiles {
  private readonly resolve;
  private readonly named = new Recent<StagedAttachment | undefined>(REMEMBERED);
  private readonly sent = new Recent<void>(REMEMBERED);
  private count = 0;

  constructor(private readonly staging: AttachmentStaging) {
    this.resolve = attachmentResolver(staging.rules);
  }

  /** Stages the attachments of an item. Returns what is staged, in their order. */
  async stage({ attachments = [], item }: InputItem): Promise<(StagedAttachment | undefined)[]> {
    const staged: (StagedAttachment | undefined)[] = [];
    const { stamps, manifest } = this.staging.scan;
    const checked = attachments.length === 0 ? [] : stampsIn(stamps, item, manifest.items);
    for (const [at, text] of attachments.entries()) staged.push(await this.stageOne(text, checked[at]));
    return staged;
  }

  private async stageOne(text: string, checked: AttachmentStamp | undefined): Promise<StagedAttachment | undefined> {
    // Data URLs are part of the line, and other URLs are fetched by the model: neither is staged.
    if (/^(data|https?):/i.test(text)) return undefined;
    const staged = await this.named.once(text, () => this.stageFile(text, checked));
    this.staging.onAttachment?.(++this.count);
    return staged;
  }

  private async stageFile(text: string, checked: AttachmentStamp | undefined): Promise<StagedAttachment | undefined> {
    const file = await this.resolve(text);
    if (file.kind !== 'file') return undefined;
    const change = stampChange(checked, file);
    if (change !== undefined) throw changed(text, `has changed since the input was checked: ${change}`);
    const { bytes, mediaType, modality } = file;
    const staged = { sha256: await hashOf(file), bytes, mediaType, modality };
    await this.sent.once(staged.sha256, () => this.send(text, file, staged));
    return staged;
  }

  private async send(text: string, file: AttachedFile, { sha256, bytes }: StagedAttachment): Promise<void> {
    const { storage } = this.staging;
    const key = attachmentKey(sha256);
    if ((await storage.size(key)) === bytes) return;
    const expected = { sha256, bytes };
    const content = checkedStream(contentOf(file), expected, () => changed(text, 'changed while it was read'));
    await storage.putStream(key, content);
  }
}

/** Caches promises by name, so that each is started once. The oldest are dropped. */
class Recent<T> {
  private readonly begun = new Map<string, Promise<T>>();

  constructor(private readonly size: number) {}

  once(name: string, begin: () => Promise<T>): Promise<T> {
    const known = this.begun.get(name);
    if (known !== undefined) return known;
    for (const oldest of this.begun.keys()) {
      if (this.begun.size < this.size) break;
      this.begun.delete(oldest);
    }
    const begun = begin();
    this.begun.set(name, begun);
    return begun;
  }
}

async function hashOf(file: AttachedFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of contentOf(file)) hash.update(piece);
  return hash.digest('hex');
}

async function* contentOf(file: AttachedFile): AsyncGenerator<Uint8Array, void, undefined> {
  yield* await file.open();
}

function changed(text: string, how: string): AttachmentError {
  return new AttachmentError('CHANGED', `${excerpt(text)} ${how}`);
}
