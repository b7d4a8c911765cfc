import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { decodeLayout } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { attachmentKey, runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import { encodeAttachment, type StagedAttachment } from './attachment-index.js';
import { type AttachmentRules, attachmentResolver } from './attachments.js';
import { checkedStream } from './checked-stream.js';
import { AttachmentError } from './errors.js';
import { readOffsets } from './offsets.js';
import { type InputItem, type ReadRange, readItems } from './read-items.js';
import type { ScanResult } from './scan.js';

/** Attachments that are hashed and sent at once. */
const CONCURRENCY = 8;

/** Files that are remembered: many items may share one. The oldest make room. */
const REMEMBERED = 20_000;

/** What staging attachments needs. */
export interface AttachmentStaging {
  readonly storage: Storage;
  readonly run: string;
  readonly scan: ScanResult;
  /** Reads the input that was scanned. */
  readonly readRange: ReadRange;
  readonly rules: AttachmentRules;
  /** Called with the number of attachments that are there now. */
  readonly onAttachment?: (count: number) => void;
}

/**
 * Puts the attachments of a scanned input into storage, each content once whatever its name and run, and writes which
 * item has which. For storage that other machines read. Throws {@link AttachmentError} for a file that changed since the
 * scan, and what storage throws.
 */
export async function stageAttachments(staging: AttachmentStaging): Promise<void> {
  const { storage, run } = staging;
  await storage.putStream(runDirectory(run).attachments, indexRecords(staging));
}

async function* indexRecords(staging: AttachmentStaging): AsyncGenerator<Uint8Array> {
  const files = new AttachmentFiles(staging);
  for (const chunk of staging.scan.manifest.chunks) yield Buffer.concat(await chunkRecords(chunk, staging, files));
}

async function chunkRecords(
  { first, layout }: ChunkManifest,
  { scan, readRange }: AttachmentStaging,
  files: AttachmentFiles,
): Promise<Uint8Array[]> {
  const codes = decodeLayout(layout);
  const records = codes.map(() => encodeAttachment(undefined));
  const attached = codes.flatMap((code, at) => (code === 'vision' || code === 'audio' ? [first + at] : []));
  const items = readItems(readRange, readOffsets(scan.offsets, attached));
  const lane = async (): Promise<void> => {
    // All lanes draw from the same items.
    for (let next = await items.next(); next.done !== true; next = await items.next()) {
      records[next.value.item - first] = encodeAttachment(await files.stage(next.value));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return records;
}

/** The files of an input: each name is looked at once and each content sent once, as long as it is remembered. */
class AttachmentFiles {
  private readonly resolve;
  private readonly named = new Recent<StagedAttachment | undefined>(REMEMBERED);
  private readonly sent = new Recent<void>(REMEMBERED);
  private count = 0;

  constructor(private readonly staging: AttachmentStaging) {
    this.resolve = attachmentResolver(staging.rules);
  }

  async stage({ attachment }: InputItem): Promise<StagedAttachment | undefined> {
    // What stands in the line or is only named by it needs no storage.
    if (attachment === undefined || /^(data|https?):/i.test(attachment)) return undefined;
    const staged = await this.named.once(attachment, () => this.stageFile(attachment));
    this.staging.onAttachment?.(++this.count);
    return staged;
  }

  private async stageFile(text: string): Promise<StagedAttachment | undefined> {
    const file = await this.resolve(text);
    if (file.kind !== 'file') return undefined;
    const { path, bytes, mediaType, modality } = file;
    const staged = { sha256: await hashFile(path), bytes, mediaType, modality };
    await this.sent.once(staged.sha256, () => this.send(text, path, staged));
    return staged;
  }

  private async send(text: string, path: string, { sha256, bytes }: StagedAttachment): Promise<void> {
    const { storage } = this.staging;
    const key = attachmentKey(sha256);
    if ((await storage.size(key)) === bytes) return;
    const changed = () => new AttachmentError('UNREADABLE', `${text} changed while it was read`);
    await storage.putStream(key, checkedStream(createReadStream(path), { sha256, bytes }, changed));
  }
}

/** What was begun under a name, so that it is begun once; the oldest make room. */
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

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}
