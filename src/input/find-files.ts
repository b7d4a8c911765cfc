import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { InputError } from './errors.js';
import { printable } from './excerpt.js';

/**
 * Returns the files of this machine that a name stands for: itself, or those that match it as a pattern (`*`, `?`, `**`,
 * `[ab]`, `{a,b}`), sorted. A file that has such a name is itself. Throws an `InputError` for a pattern that matches none.
 */
export async function findFiles(name: string): Promise<string[]> {
  if (!isPattern(name) || (await isThere(name))) return [name];
  const { glob, isDynamicPattern } = await import('tinyglobby');
  if (!isDynamicPattern(name)) return [name];
  const found = await glob(name, { absolute: isAbsolute(name), dot: false, onlyFiles: true, expandDirectories: false });
  if (found.length === 0) throw noMatch(name, 'no file matches it');
  return found.sort(byCodeUnits);
}

/** Returns true for a name that may be a pattern. */
export function isPattern(name: string): boolean {
  return /[*?[\]{}]/.test(name);
}

/** Returns the error for a pattern that nothing matches. */
export function noMatch(name: string, why: string): InputError {
  return new InputError('NOT_FOUND', name, `${printable(name)}: ${why}`);
}

/** Compares names the same way on all machines. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
