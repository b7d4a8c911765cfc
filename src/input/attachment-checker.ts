import { createHash, hash } from 'node:crypto';
import path from 'node:path';
import type { Modality } from '../batch/modality.js';
import { systemCode } from '../system-error.js';
import { type AttachedText, misplaced } from './attached.js';
import type { AttachmentStamp } from './attachment-stamps.js';
import { type AttachmentRules, attachmentResolver, type ResolvedAttachment } from './attachments.js';
import { AttachmentError } from './errors.js';
import { excerpt } from './excerpt.js';
import { systemReason } from './system-error.js';

/** An attachment that can be sent. */
export interface GoodAttachment {
  readonly modality: Modality;
  /** The state of its file; absent for a URL. */
  readonly stamp?: AttachmentStamp;
  /** Tells its content from others: a URL is what it says, a file what is in it. Absent for a file that was not read. */
  readonly content?: string;
}

/** What a look at an attachment came to, or why it cannot be sent. */
export type AttachmentVerdict = GoodAttachment | AttachmentError;

/** Files looked at at once: enough to hide the wait of a network drive, few enough to spare file handles. */
const CONCURRENCY = 8;
/** Verdicts that are remembered: many lines may share a file. The oldest make room. */
const REMEMBERED = 20_000;
/** Longer texts are data URLs; to remember them would be to keep them. */
const LONGEST_REMEMBERED = 4096;

/** Looks at the attachments of an input, each file once as long as it is remembered. */
export class AttachmentChecker {
  private readonly resolve: ReturnType<typeof attachmentResolver>;
  private readonly verdicts = new Map<string, Promise<AttachmentVerdict>>();

  constructor(
    rules: AttachmentRules,
    /** Files are read whole. */
    private readonly readsFiles = false,
  ) {
    this.resolve = attachmentResolver(rules);
  }

  /** The verdicts on the attachments of some items, in their order. */
  async checkAll(items: readonly (readonly AttachedText[])[]): Promise<AttachmentVerdict[][]> {
    const verdicts = items.map((): AttachmentVerdict[] => []);
    const queue = items.flatMap((texts, item) => texts.map((text, at) => ({ text, item, at }))).values();
    const lane = async (): Promise<void> => {
      // All lanes take from the same iterator.
      for (const { text, item, at } of queue) {
        const verdict = await this.check(text.text);
        const found = verdicts[item];
        if (found !== undefined)
          found[at] = verdict instanceof AttachmentError ? verdict : (misplaced(text, verdict.modality) ?? verdict);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    return verdicts;
  }

  private check(text: string): Promise<AttachmentVerdict> {
    const known = this.verdicts.get(text);
    if (known !== undefined) return known;
    const verdict = this.look(text);
    if (text.length <= LONGEST_REMEMBERED) this.remember(text, verdict);
    return verdict;
  }

  private async look(text: string): Promise<AttachmentVerdict> {
    try {
      const resolved = await this.resolve(text);
      const { modality } = resolved;
      if (resolved.kind !== 'file') return { modality, content: `url ${hash('sha256', resolved.url)}` };
      const { bytes, modifiedMs } = resolved;
      const content = this.readsFiles ? { content: await fileContent(text, resolved) } : {};
      return { modality, stamp: { bytes, modifiedMs }, ...content };
    } catch (error) {
      if (error instanceof AttachmentError) return error;
      throw error;
    }
  }

  private remember(text: string, verdict: Promise<AttachmentVerdict>): void {
    for (const oldest of this.verdicts.keys()) {
      if (this.verdicts.size < REMEMBERED) break;
      this.verdicts.delete(oldest);
    }
    this.verdicts.set(text, verdict);
  }
}

async function fileContent(text: string, file: Extract<ResolvedAttachment, { kind: 'file' }>): Promise<string> {
  const sum = createHash('sha256');
  try {
    for await (const piece of await file.open()) sum.update(piece);
  } catch (error) {
    // Its first bytes could be read.
    if (systemCode(error) !== 'EIO') throw error;
    throw new AttachmentError('UNREADABLE', `${excerpt(text)} cannot be read: ${systemReason(error)}`, {
      cause: error,
    });
  }
  // A PDF goes with its name.
  const name = file.modality === 'document' ? ` ${path.basename(text)}` : '';
  return `${file.mediaType} ${sum.digest('hex')}${name}`;
}
