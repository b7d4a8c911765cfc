import path from 'node:path';
import { isInside } from './allowed-folders.js';
import type { FieldProblem } from './errors.js';
import { excerpt } from './excerpt.js';

/**
 * Returns an attachment of one of several input files as it is under the one folder of their run: a path becomes absolute,
 * URLs stay. A path that leaves the folder of its own file and the further ones is a problem, also if it leads into that of
 * another input file.
 */
export function movedAttachment(
  text: string,
  folder: string | undefined,
  roots: readonly string[],
): string | FieldProblem {
  if (/^(data|https?):/i.test(text) || text === '') return text;
  const absolute = folder === undefined ? undefined : path.resolve(folder, text);
  const folders = folder === undefined ? roots : [folder, ...roots];
  if (absolute !== undefined && folders.some((allowed) => isInside(absolute, allowed))) return absolute;
  return {
    field: 'attachment',
    message: `${excerpt(text)} is outside the folder of its input file: allow its folder with --attachments-root, or put the file in`,
  };
}
