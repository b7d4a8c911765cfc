import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { AttachmentError } from './errors.js';

/** The folders that attachments may come from: the input file's own, and those of `--attachments-root`. */
export class AllowedFolders {
  private real: Promise<readonly string[]> | undefined;

  constructor(
    private readonly folder: string,
    private readonly roots: readonly string[],
  ) {}

  /** The path as written, made absolute: what it would be if no link were on the way. */
  resolve(text: string): string {
    return path.resolve(this.folder, text);
  }

  /** Whether a path, as written, is under an allowed folder; what exists outside must not show in a message. */
  async coversWritten(absolute: string): Promise<boolean> {
    const folders = [this.folder, ...this.roots, ...(await this.realFolders())];
    return folders.some((folder) => isInside(absolute, folder));
  }

  /** Throws `FORBIDDEN`, in words that fit how `text` got there, unless the real path is under an allowed folder. */
  async check(name: string, text: string, real: string): Promise<void> {
    const folders = await this.realFolders();
    if (!folders.some((folder) => isInside(real, folder))) throw await this.forbidden(name, text);
  }

  /** The refusal of a path that leads outside. */
  async forbidden(name: string, text: string): Promise<AttachmentError> {
    const written = await this.coversWritten(this.resolve(text));
    const how = written
      ? 'leads through a symbolic link to a place outside'
      : path.isAbsolute(text)
        ? 'is an absolute path outside'
        : 'leads by ".." outside';
    const way = 'allow its folder with --attachments-root, or put the file in';
    return new AttachmentError('FORBIDDEN', `${name} ${how} the input file's folder: ${way}`);
  }

  /** Real paths, looked up once: the folders themselves may be reached through links. */
  private realFolders(): Promise<readonly string[]> {
    this.real ??= Promise.all(
      [this.folder, ...this.roots].map((folder) => realpath(folder).catch(() => path.resolve(folder))),
    );
    return this.real;
  }
}

/** Whether a path lies under a folder, or is it. Both absolute. */
export function isInside(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}
