import { fsync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Manifest } from '../batch/manifest.js';
import { shellWord } from '../batch/shell-word.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { moveCursor, readCursor } from '../store/cursor.js';
import { readStagedManifest } from '../store/manifest.js';
import { NewLines } from '../store/new-lines.js';
import { readOwner } from '../store/owner.js';
import { readSummaryIfWhole } from '../store/summary.js';
import { systemCode } from '../system-error.js';
import { endByParts, exitCodeOf } from './deliver.js';
import { UserError } from './errors.js';
import { EXIT, type Io, type OutputStream } from './io.js';
import { noSuchRun } from './missing-run.js';
import { DEFAULT_CURSOR } from './new-lines-flags.js';
import { hasOldOutput, writeOutput } from './output.js';
import type { ResultsFlags } from './run-flags.js';
import { formatCount, formatItems } from './terminal/format.js';

/** Time between two looks of `--follow` (ms): in a bucket each is a request for every unfinished chunk. */
const LOOK_MS = 2_000;
const BUCKET_LOOK_MS = 10_000;

/** What a call is about. */
interface Reading {
  readonly id: string;
  readonly storage: Storage;
  readonly manifest: Manifest;
  readonly name: string;
  readonly output: string | undefined;
}

/**
 * Writes the lines of a run that this reader was not given yet; with `--follow` also those that come, until the run has
 * ended. The cursor moves only when the lines are out. Returns the exit code: that of the run if it has ended.
 */
export async function showNewLines(
  id: string,
  storage: Storage,
  { cursor: name = DEFAULT_CURSOR, output, follow }: ResultsFlags,
  io: Io,
): Promise<number> {
  const manifest = await readStagedManifest(storage, id);
  if (manifest === undefined) throw noSuchRun(id);
  await refuseOldOutput(output);
  const reading = { id, storage, manifest, name, output };
  for (;;) {
    // Before the lines are read: those of a run that has ended are all there.
    const hasEnded = await isEnded(storage, id);
    const given = await giveNewLines(reading, io);
    if (!follow || hasEnded || given === 'closed') return hasEnded ? await exitCodeOfEnd(storage, id, io) : EXIT.OK;
    const wait = storage.growsInPlace ? LOOK_MS : BUCKET_LOOK_MS;
    await delay(wait, undefined, { signal: io.interrupt });
  }
}

/** An output holds the lines of an earlier call, which no other call brings again. */
async function refuseOldOutput(output: string | undefined): Promise<void> {
  if (!(await hasOldOutput(output))) return;
  throw new UserError(`the output ${output} has lines already, which --since-last does not give again`, {
    exitCode: 2,
    hint: 'Name a new file for each call, or leave -o out and give >> with the file.',
  });
}

async function giveNewLines({ id, storage, manifest, name, output }: Reading, io: Io): Promise<'given' | 'closed'> {
  const warn = (why: string): void => void io.stderr.write(`warning: ${why}\n`);
  const before = await readCursor(storage, id, name).catch((error: unknown) => {
    throw damagedCursor(id, name, error);
  });
  const lines = new NewLines(storage, id, manifest, before, warn);
  const written = await writeOutput(output, lines.pieces(), io);
  // A reader that went away has not read it all: the next call gives it again.
  if (written === 'closed') return 'closed';
  if (output === undefined) await syncFile(io.stdout);
  if (!lines.hasMoved) return 'given';
  if (!(await moveCursor(storage, id, name, lines.cursor))) throw givenTwice(id, name);
  const { count, items } = lines;
  if (count > 0)
    io.stderr.write(`${newLines(count)}: ${formatCount(items)} of ${formatItems(manifest.items)} are out\n`);
  return 'given';
}

function newLines(count: number): string {
  return count === 1 ? '1 new line' : `${formatCount(count)} new lines`;
}

/** Syncs what a stream is redirected to, if it is a file: the cursor lasts through a power cut, and so must its lines. */
async function syncFile(stream: OutputStream): Promise<void> {
  if (!('fd' in stream) || typeof stream.fd !== 'number') return;
  try {
    await promisify(fsync)(stream.fd);
  } catch (error) {
    // A pipe, a terminal and a device have nothing to sync.
    if (!['EINVAL', 'ENOTSUP', 'EROFS', 'EBADF'].includes(systemCode(error) ?? '')) throw error;
  }
}

/** Returns true if the run has come to its end; a run that was terminated could not note it. */
async function isEnded(storage: Storage, id: string): Promise<boolean> {
  try {
    return (await readOwner(storage, id))?.ended === true;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'DAMAGED') return false;
    throw error;
  }
}

async function exitCodeOfEnd(storage: Storage, id: string, io: Io): Promise<number> {
  const warn = (why: string): void => void io.stderr.write(`warning: ${why}\n`);
  const end = (await readSummaryIfWhole(storage, id, warn)) ?? (await endByParts(storage, id));
  return end === undefined ? EXIT.FAILED : exitCodeOf(end);
}

function damagedCursor(id: string, name: string, cause: unknown): unknown {
  if (!(cause instanceof StorageError) || cause.code !== 'DAMAGED') return cause;
  const other = `dria-temporal results ${shellWord(id)} --since-last --cursor ${shellWord(`${name}-2`)}`;
  return new UserError(cause.message, {
    exitCode: 1,
    hint: `A cursor of another name begins with the first line: ${other}`,
    cause,
  });
}

function givenTwice(id: string, name: string): UserError {
  return new UserError(
    `another call with the cursor ${name} of ${id} was given lines meanwhile: some were given to both`,
    {
      exitCode: 1,
      hint: 'Give each reader a --cursor of its own, and call with it one at a time.',
    },
  );
}
