import { createWriteStream } from 'node:fs';
import { mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isInside } from '../input/allowed-folders.js';
import type { Storage } from '../storage/storage.js';
import type { StagedAttachment } from '../store/attachment-index.js';
import type { PackItem } from '../store/pack-items.js';
import { attachmentKey } from '../store/run-directory.js';

/** Where attachments were allowed from when the run was started. */
export interface AttachmentFolders {
  /** Absolute folder that relative paths are against: the input file's own. */
  readonly folder: string;
  readonly roots: readonly string[];
}

/**
 * An attachment of an input in the folder `from` as an input in the folder `to` must write it: relative where `to` has
 * it inside, else absolute. URLs and absolute paths stay what they are. Both folders are absolute.
 */
export function movedAttachment(text: string, from: string, to: string): string {
  if (isRemote(text) || isAbsolute(text) || from === to) return text;
  const absolute = resolve(from, text);
  return isInside(absolute, to) ? relative(to, absolute) : absolute;
}

function isRemote(text: string): boolean {
  return /^(data|https?):/i.test(text);
}

/** Writes a run's attachments anew for an input in another place, and remembers what that input needs to be run there. */
export class MovedAttachments {
  /** Folders that must be given with `--attachments-root`. */
  readonly roots = new Set<string>();
  /** Files that are not on this machine and were not brought here, for want of an output to put them beside. */
  missing = 0;
  private readonly to: string;
  private allowed: Promise<readonly { readonly root: string; readonly real: string }[]> | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly from: AttachmentFolders,
    /** The new input; undefined when it goes to standard output, and so is run from the current folder. */
    private readonly output: string | undefined,
  ) {
    this.to = output === undefined ? resolve('.') : dirname(resolve(output));
  }

  /** The attachments of an item, as the new input has them. Brings staged ones that this machine lacks beside the output. */
  async moved({ attachments = [], staged = [] }: PackItem): Promise<string[]> {
    const moved: string[] = [];
    for (const [at, attachment] of attachments.entries()) moved.push(await this.movedOne(attachment, staged[at]));
    return moved;
  }

  private async movedOne(attachment: string, staged: StagedAttachment | undefined): Promise<string> {
    if (isRemote(attachment)) return attachment;
    const absolute = resolve(this.from.folder, attachment);
    const lacking = staged !== undefined && !(await isThere(absolute, staged.bytes));
    if (lacking && this.output !== undefined) return await this.bring(this.output, attachment, staged);
    if (lacking) this.missing++;
    else await this.allow(absolute);
    return movedAttachment(attachment, this.from.folder, this.to);
  }

  /** Notes the folder that has to be allowed for a file, where one of those that were allowed before has it. */
  private async allow(absolute: string): Promise<void> {
    this.allowed ??= Promise.all(
      [this.from.folder, ...this.from.roots].map(async (root) => ({ root, real: await realOrWritten(root) })),
    );
    const file = await realOrWritten(absolute);
    if (isInside(file, await realOrWritten(this.to))) return;
    const covering = (await this.allowed).filter(({ real }) => isInside(file, real)).map(({ root }) => root);
    const [first] = covering;
    if (first !== undefined && !covering.some((root) => this.roots.has(root))) this.roots.add(first);
  }

  private async bring(output: string, text: string, { sha256, bytes }: StagedAttachment): Promise<string> {
    const folder = `${basename(output, extname(output))}-attachments`;
    const name = join(folder, `${sha256}${extname(text)}`);
    const path = join(this.to, name);
    if (!(await isThere(path, bytes))) await this.download(attachmentKey(sha256), path);
    return name;
  }

  private async download(key: string, path: string): Promise<void> {
    const temporary = `${path}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await pipeline(await this.storage.stream(key), createWriteStream(temporary));
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

async function isThere(path: string, bytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && found.size === bytes;
}

async function realOrWritten(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}
