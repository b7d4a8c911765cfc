import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { findFiles } from '../input/find-files.js';
import { type InputFile, pipeFile } from '../input/input-file.js';
import { openNamed, refuseTwice } from '../store/input-files.js';
import { openForReading } from './special-file.js';

/** What opening an input needs beside its names. */
export interface OpeningInputs {
  readonly stdin: Readable;
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

/** Names of this process's own standard input: a socket cannot be opened by them anew. */
const STDIN_PATHS: ReadonlySet<string> = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']);

/** Opens the files that a command names. Throws an `InputError` for what cannot be read. */
export async function openInputs(inputs: readonly string[], opening: OpeningInputs): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const input of inputs) {
    const pipe = await openPipe(input, opening);
    files.push(...(pipe === undefined ? await openNamed(input, { env: opening.env }) : [pipe]));
  }
  refuseTwice(files);
  return files;
}

/**
 * Opens what can be read only once: standard input, given as `-`, pipes, as a shell makes them of `<(zcat prompts.gz)`,
 * terminals and devices. Returns undefined for a file, and for what is not there.
 */
async function openPipe(input: string, { stdin, signal }: OpeningInputs): Promise<InputFile | undefined> {
  const folder = resolve('.');
  if (STDIN_PATHS.has(input)) return pipeFile(addAbortSignal(signal, stdin), 'standard input', folder);
  const stats = await stat(input).catch(() => undefined);
  if (stats === undefined || stats.isFile() || stats.isDirectory() || stats.isSocket()) return undefined;
  return pipeFile(addAbortSignal(signal, await openForReading(input)), input, folder);
}

/** Returns the files of this machine that names stand for; one that matches none is itself. */
export async function namedFiles(inputs: readonly string[]): Promise<string[]> {
  const found = await Promise.all(inputs.map((input) => findFiles(input).catch(() => [input])));
  return found.flat();
}
