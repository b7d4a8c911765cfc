import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What came through a pipe, kept in a temporary file. */
export interface Spooled {
  /** What messages and ids call it. */
  readonly name: string;
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Keeps what can be read only once in a file: standard input, given as `-`, and pipes, as a shell makes them of
 * `<(zcat prompts.gz)`. Undefined for a file, and for what is not there.
 */
export async function spoolPipe(file: string, stdin: Readable, signal: AbortSignal): Promise<Spooled | undefined> {
  if (file === '-') return await spool(stdin, 'standard input', signal);
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined || stats.isFile() || stats.isDirectory()) return undefined;
  return await spool(createReadStream(file), file, signal);
}

async function spool(source: Readable, name: string, signal: AbortSignal): Promise<Spooled> {
  const folder = await mkdtemp(join(tmpdir(), 'dria-temporal-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const path = join(folder, 'stdin.jsonl');
  try {
    await pipeline(source, createWriteStream(path, { mode: 0o600 }), { signal });
    return { name, path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
