import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ResultFormat } from '../batch/output-format.js';
import { STORED_PREFIXES } from '../batch/run.js';
import { shellWord } from '../batch/shell-word.js';
import { removeAbandoned } from '../storage/files.js';
import { isS3Root } from '../storage/s3-location.js';
import { systemCode } from '../system-error.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import type { Places } from './places.js';
import { checkS3Output, hasOldS3Output, isS3Output, writeS3Output } from './s3-output.js';
import { openForWriting } from './special-file.js';

/** Returns where an output is, whatever the current folder of who reads it: an absolute path, or an object of a bucket. */
export function placeOfOutput(output: string): string {
  return isS3Output(output) ? output : resolve(output);
}

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

/** What a command works with and no results may replace. */
export interface Needed {
  readonly inputs?: readonly string[];
  readonly schemaFile?: string | undefined;
  readonly places?: Places;
  /** How the results are written: older ones of the same kind may be replaced, though they are no text. */
  readonly format?: ResultFormat;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Finds before a run what would keep its results from being written: a folder in the file's place, a missing or
 * unwritable folder, a file that must not be written, one that is needed, or one that holds no text: pictures and databases
 * are lost more easily than made. Nothing stays behind. Throws a `UserError` with exit code 2.
 */
export async function checkOutput(path: string | undefined, needed: Needed = {}): Promise<void> {
  if (path === undefined) return;
  try {
    await tryOutput(path, needed);
  } catch (error) {
    if (error instanceof UserError) throw error;
    refuse(`the output ${path} cannot be written`, undefined, error);
  }
}

/** How results begin in the formats that are text. */
const RESULTS = /^(\[\s*)?\{"id":|^id[,\t]/;

/**
 * {@link checkOutput} for a path that a run's memo has and nobody has given now: whoever reaches the server may have written it.
 * So it may replace older results only, and no other file.
 */
export async function checkNotedOutput(path: string, needed: Needed): Promise<void> {
  await checkOutput(path, needed);
  if (isS3Output(path)) return;
  const target = await linkTarget(path);
  const found = await statOf(target);
  if (found === undefined || STDOUT_PATHS.has(target)) return;
  const head = isReplaced(target, found) ? ((await headOf(target)) ?? Buffer.of()) : undefined;
  if (head?.length === 0) return;
  if (head !== undefined && (RESULTS.test(head.toString('latin1')) || (await isOfFormat(target, needed.format))))
    return;
  refuse(
    `the run's own output ${path} is there and holds no results`,
    `Give -o: -o ${shellWord(path)}, or another file.`,
  );
}

async function tryOutput(path: string, needed: Needed): Promise<void> {
  if (path === '') refuse('the output has an empty name');
  if (isS3Output(path)) return await checkS3Output(path, needed.places, needed.env);
  if (path.endsWith('/')) refuse(`the output ${path} names a folder`, nameAFile(path));
  const target = await linkTarget(path);
  if (STDOUT_PATHS.has(target)) return;
  const found = await statOf(target);
  if (found?.isDirectory()) refuse(`the output ${path} is a folder`, nameAFile(path));
  if (found?.isSocket()) refuse(`the output ${path} is a socket`, 'Name a file or a pipe.');
  if (found !== undefined) await access(target, constants.W_OK);
  if (found === undefined && DEVICE_PATH.test(target)) refuse(`the output ${path} cannot be written: no such device`);
  if (found !== undefined && !isReplaced(target, found)) return;
  await refuseNeeded(path, target, found, needed);
  await tryFolder(dirname(target));
}

async function refuseNeeded(
  path: string,
  target: string,
  found: Stats | undefined,
  { inputs = [], schemaFile, places, format }: Needed,
): Promise<void> {
  const replaced = (what: string) => `Name another file: the results would replace ${what}.`;
  if (places !== undefined && (await isInside(target, ownFolders(places)))) {
    refuse(`the output ${path} is in the folder that runs are kept in`, 'Name a file elsewhere.');
  }
  if (found === undefined) return;
  for (const input of inputs) {
    if (await isSame(found, input)) refuse(`the output ${path} is the input file`, replaced('the prompts'));
  }
  if (await isSame(found, schemaFile)) refuse(`the output ${path} is the schema file`, replaced('the schema'));
  if (!(await isText(target)) && !(await isOfFormat(target, format))) {
    refuse(`the output ${path} is there and is no text file`, `${replaced('it')} Or remove it first.`);
  }
}

/** The folders that only we write to. A storage may be a folder that is somebody's otherwise. */
function ownFolders({ dataDir, storage: { root } }: Places): string[] {
  const stored = isS3Root(root) ? [] : STORED_PREFIXES.map((prefix) => resolve(root, prefix));
  return [dataDir, ...stored];
}

/** Returns true for a path in one of some folders, however it is spelt and whatever links are on the way. */
async function isInside(path: string, folders: readonly string[]): Promise<boolean> {
  const found = (await Promise.all(folders.map((folder) => stat(folder).catch(() => undefined)))).filter(isPresent);
  if (folders.includes(path)) return true;
  let folder = await realpath(dirname(path)).catch(() => dirname(path));
  for (;;) {
    const here = await stat(folder).catch(() => undefined);
    if (here !== undefined && found.some(({ ino, dev }) => ino === here.ino && dev === here.dev)) return true;
    if (dirname(folder) === folder) return false;
    folder = dirname(folder);
  }
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** Bytes of an output that is there that are looked at. */
const HEAD_BYTES = 4096;

async function isText(path: string): Promise<boolean> {
  // What cannot be read can be written all the same.
  const head = await headOf(path);
  if (head === undefined) return true;
  // The last character may be cut.
  const cuts = [0, 1, 2, 3].map((cut) => head.subarray(0, Math.max(0, head.length - cut)));
  return cuts.some(isUtf8) && !head.includes(0);
}

/** What files begin with that are no text. */
const MAGIC = { gzip: Buffer.of(0x1f, 0x8b), zstd: Buffer.of(0x28, 0xb5, 0x2f, 0xfd), parquet: Buffer.from('PAR1') };

async function isOfFormat(path: string, format: ResultFormat | undefined): Promise<boolean> {
  const kind = format?.compression ?? (format?.name === 'parquet' ? 'parquet' : undefined);
  if (kind === undefined) return false;
  return (await headOf(path))?.subarray(0, MAGIC[kind].length).equals(MAGIC[kind]) === true;
}

/** Returns the first bytes of a file; undefined if it cannot be read. */
async function headOf(path: string): Promise<Buffer | undefined> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function nameAFile(folder: string): string {
  return `Name a file: -o ${shellWord(join(folder, 'results.jsonl'))}`;
}

async function isSame(found: Stats, path: string | undefined): Promise<boolean> {
  // A file that cannot be looked at is reported by whoever reads it.
  const other = path === undefined ? undefined : await stat(path).catch(() => undefined);
  return other !== undefined && other.ino === found.ino && other.dev === found.dev;
}

/** Permission bits do not tell of every obstacle (a read-only mount, an immutable folder): only a file made there does. */
async function tryFolder(folder: string): Promise<void> {
  const found = await statOf(folder);
  if (found === undefined)
    refuse(`the output folder ${folder} does not exist`, `Make it first: mkdir -p ${shellWord(folder)}`);
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

/** True for an output that is a file with something in it: a run that answered nothing must not replace it. */
export async function hasOldOutput(path: string | undefined, env?: NodeJS.ProcessEnv): Promise<boolean> {
  if (path === undefined) return false;
  if (isS3Output(path)) return await hasOldS3Output(path, env);
  const target = await linkTarget(path);
  const found = await statOf(target);
  return found !== undefined && isReplaced(target, found) && found.size > 0;
}

/**
 * Writes results to a file, an object of a bucket or, without a path, to `stdout`, at the pace of the reader. A file appears whole or not at
 * all: a temporary file beside it is synced and renamed. A link is written through, an existing file keeps its mode;
 * devices and pipes are written directly. A reader that goes away is no error. Throws what the system says, and the reason
 * of an interrupt that comes while a reader does not read.
 */
export async function writeOutput(
  path: string | undefined,
  source: AsyncIterable<Uint8Array>,
  { stdout, interrupt, env }: Pick<Io, 'stdout' | 'interrupt'> & Partial<Pick<Io, 'env'>>,
): Promise<Written> {
  if (path !== undefined && isS3Output(path)) {
    await writeS3Output(path, source, interrupt, env);
    return 'written';
  }
  const target = path === undefined ? undefined : await linkTarget(path);
  if (target === undefined || STDOUT_PATHS.has(target)) return await writeStream(source, stdout, interrupt);
  const found = await statOf(target);
  if (isReplaced(target, found)) {
    await replaceFile(target, found, source);
    return 'written';
  }
  return await writeDevice(target, source, interrupt);
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

async function writeDevice(
  target: string,
  source: AsyncIterable<Uint8Array>,
  interrupt: AbortSignal,
): Promise<Written> {
  const stream = await openForWriting(target, interrupt);
  try {
    const written = await writeStream(source, stream, interrupt);
    if (written === 'written') await finished(stream.end(), { signal: interrupt });
    return written;
  } finally {
    stream.destroy();
  }
}

async function writeStream(
  source: AsyncIterable<Uint8Array>,
  stream: Writable,
  interrupt: AbortSignal,
): Promise<Written> {
  // The failed write itself reports the error. The listener keeps it from ending the process and stays after a
  // failure, since the stream emits the error after the write's callback.
  const ignore = (): void => undefined;
  stream.on('error', ignore);
  try {
    for await (const bytes of source) await writeChunk(stream, bytes, interrupt);
  } catch (error) {
    if (isClosed(error)) return 'closed';
    throw error;
  }
  stream.off('error', ignore);
  return 'written';
}

function writeChunk(stream: Writable, bytes: Uint8Array, interrupt: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(interrupt.reason);
    if (interrupt.aborted) return stop();
    interrupt.addEventListener('abort', stop);
    stream.write(bytes, (error) => {
      interrupt.removeEventListener('abort', stop);
      if (error) reject(error);
      else resolve();
    });
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
