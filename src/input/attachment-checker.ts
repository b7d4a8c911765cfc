import type { Modality } from '../batch/modality.js';
import { type AttachmentRules, attachmentResolver } from './attachments.js';
import { AttachmentError } from './errors.js';

/** What a look at an attachment came to: its modality, or why it cannot be sent. */
export type AttachmentVerdict = Modality | AttachmentError;

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

  constructor(rules: AttachmentRules) {
    this.resolve = attachmentResolver(rules);
  }

  /** The verdicts on some attachments, in their order; nothing is said where there is none. */
  async checkAll(texts: readonly (string | undefined)[]): Promise<(AttachmentVerdict | undefined)[]> {
    const verdicts = new Array<AttachmentVerdict | undefined>(texts.length).fill(undefined);
    const queue = texts.entries();
    const lane = async (): Promise<void> => {
      for (const [position, text] of queue) {
        if (text !== undefined) verdicts[position] = await this.check(text);
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
      return (await this.resolve(text)).modality;
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
