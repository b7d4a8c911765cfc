import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, open, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { removeAbandoned } from '../storage/files.js';
import { systemCode } from '../system-error.js';
import { UserError } from './errors.js';

/** How writing ended: `closed` when the reader went away first, as `head` does. */
export type Written = 'written' | 'closed';

/** Names of this process's own standard output; opening them anew would write over what is there. */
const STDOUT_PATHS: ReadonlySet<string> = new Set(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']);

/**
 * Places whose names stand for what is behind them. Opened they are written; a file renamed into their place would
 * take the name from everybody on the machine, also when a plain file is behind it (`-o /dev/stderr 2> file`).
 */
const DEVICE_PATH = /^\/(dev\/(?!shm\/)|proc\/)/;

/** Links that are followed to find an output's real place; the limit of Linux. */
const MAX_LINKS = 40;

/**
 * Finds before a run what would keep its results from being written: a folder in the file's place, a missing or
 * unwritable folder, a file that must not be written, or the input file itself. Nothing stays behind.
 * Throws a `UserError` with exit code 2.
 */
export async function checkOutput(path: string | undefined, input?: string): Promise<void> {
  if (path === undefined) return;
  try {
    await tryOutput(path, input);
  } catch (error) {
    if (error instanceof UserError) throw error;
    refuse(`the output ${path} cannot be written`, undefined, error);
  }
}

async function tryOutput(path: string, input: string | undefined): Promise<void> {
  if (path === '') refuse('the output has an empty name');
  if (path.endsWith('/')) refuse(`the output ${path} names a folder`, `Name a file: -o ${join(path, 'results.jsonl')}`);
  const target = await linkTarget(path);
  if (STDOUT_PATHS.has(target)) return;
  const found = await statOf(target);
  if (found?.isDirectory()) refuse(`the output ${path} is a folder`, `Name a file: -o ${join(path, 'results.jsonl')}`);
  if (found !== undefined) await access(target, constants.W_OK);
  if (found === undefined && DEVICE_PATH.test(target)) refuse(`the output ${path} cannot be written: no such device`);
  if (found !== undefined && !isReplaced(target, found)) return;
  if (found !== undefined && input !== undefined && (await isSame(found, input))) {
    refuse(`the output ${path} is the input file`, 'Name another file: the results would replace the prompts.');
  }
  await tryFolder(dirname(target));
}

async function isSame(found: Stats, input: string): Promise<boolean> {
  // An input that cannot be looked at is told by whoever reads it.
  const other = await stat(input).catch(() => undefined);
  return other !== undefined && other.ino === found.ino && other.dev === found.dev;
}

/** Permission bits do not tell of every obstacle (a read-only mount, an immutable folder): only a file made there does. */
async function tryFolder(folder: string): Promise<void> {
  const found = await statOf(folder);
  if (found === undefined) refuse(`the output folder ${folder} does not exist`, `Make it first: mkdir -p '${folder}'`);
  if (!found.isDirectory()) refuse(`the output folder ${folder} is not a folder`);
  const probe = temporaryIn(folder);
  try {
    await (await open(probe, 'wx')).close();
  } catch (error) {
    refuse(`the output folder ${folder} cannot be written`, undefined, error);
  } finally {
    await rm(probe, { force: true });
  }
}

function refuse(message: string, hint?: string, cause?: unknown): never {
  throw new UserError(message, { exitCode: 2, ...(hint === undefined ? {} : { hint }), cause });
}

/**
 * Writes results to a file or, without a path, to `stdout`, at the pace of the reader. A file appears whole or not at
 * all: a temporary file beside it is synced and renamed. A link is written through, an existing file keeps its mode;
 * devices and pipes are written directly. A reader that goes away is no error. Throws what the system says.
 */
export async function writeOutput(
  path: string | undefined,
  source: AsyncIterable<Uint8Array>,
  stdout: Writable,
): Promise<Written> {
  const target = path === undefined ? undefined : await linkTarget(path);
  if (target === undefined || STDOUT_PATHS.has(target)) return await writeStream(source, stdout);
  const found = await statOf(target);
  if (isReplaced(target, found)) {
    await replaceFile(target, found, source);
    return 'written';
  }
  return await writeDevice(target, source);
}

/** Whether an output is put in its place whole; what is no plain file of its own name is opened and written. */
function isReplaced(target: string, found: Stats | undefined): boolean {
  return !DEVICE_PATH.test(target) && (found === undefined || found.isFile());
}

async function replaceFile(target: string, found: Stats | undefined, source: AsyncIterable<Uint8Array>): Promise<void> {
  await removeAbandoned(dirname(target), (name) => TEMPORARY.test(name));
  const temporary = temporaryIn(dirname(target));
  const handle = await open(temporary, 'wx');
  try {
    await fill(handle, found, source);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}

async function fill(handle: FileHandle, found: Stats | undefined, source: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    if (found !== undefined) await handle.chmod(found.mode & 0o777);
    for await (const bytes of source) await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the new name last through a power cut. Some file systems refuse it, and the file is there all the same. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // The name is not synced; the content is.
  }
}

async function writeDevice(target: string, source: AsyncIterable<Uint8Array>): Promise<Written> {
  const handle = await open(target, constants.O_WRONLY | constants.O_APPEND);
  try {
    for await (const bytes of source) await handle.writeFile(bytes);
    return 'written';
  } catch (error) {
    if (isClosed(error)) return 'closed';
    throw error;
  } finally {
    await handle.close();
  }
}

async function writeStream(source: AsyncIterable<Uint8Array>, stdout: Writable): Promise<Written> {
  // The failed write itself reports the error. The listener keeps it from ending the process and stays after a
  // failure, since the stream emits the error after the write's callback.
  const ignore = (): void => undefined;
  stdout.on('error', ignore);
  try {
    for await (const bytes of source) await writeChunk(stdout, bytes);
  } catch (error) {
    if (isClosed(error)) return 'closed';
    throw error;
  }
  stdout.off('error', ignore);
  return 'written';
}

function writeChunk(stdout: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

const CLOSED_CODES: ReadonlySet<string> = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

function isClosed(error: unknown): boolean {
  return CLOSED_CODES.has(systemCode(error) ?? '');
}

const TEMPORARY = /^\.dria-temporal-[0-9a-f-]{36}\.tmp$/;

function temporaryIn(folder: string): string {
  return join(folder, `.dria-temporal-${randomUUID()}.tmp`);
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where a path leads by its links, also when nothing is there yet. A device is left under the name it was given. */
async function linkTarget(path: string): Promise<string> {
  let target = resolve(path);
  // What /dev/fd and /proc link to are not always names that can be opened.
  for (let links = 0; links < MAX_LINKS && !DEVICE_PATH.test(target); links += 1) {
    const next = await readlink(target).catch(() => undefined);
    if (next === undefined) return target;
    target = resolve(dirname(target), next);
  }
  return target;
}
