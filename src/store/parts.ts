import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { type Counts, countsSchema } from '../batch/counts.js';
import { type PartFacts, partFactsSchema } from '../batch/part-facts.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { Checksum, contentSchema, streamChecked } from './checked-object.js';
import { getSealed, putSealed } from './json.js';
import { runDirectory } from './run-directory.js';
import type { OnWarn } from './segments.js';

/** What is kept beside a part: the counts of its chunk, and a checksum of its content. */
const partRecordSchema = contentSchema.extend({ counts: countsSchema });
type PartRecord = z.output<typeof partRecordSchema>;

/** A part to be written. */
export interface NewPart {
  /** Output lines in input order. */
  readonly lines: AsyncIterable<Uint8Array>;
  readonly facts: PartFacts;
  readonly counts: Counts;
}

/** Writes a part. Its record comes last: a part without it, or with another's, does not count. */
export async function putPart(
  storage: Storage,
  run: string,
  chunk: number,
  { lines, facts, counts }: NewPart,
): Promise<void> {
  const directory = runDirectory(run);
  const checksum = new Checksum();
  await putSealed(storage, directory.partFacts(chunk), facts);
  await storage.putStream(directory.part(chunk), checksum.of(lines));
  const record: PartRecord = { counts, ...checksum.value() };
  await putSealed(storage, directory.partCounts(chunk), record);
}

/** Returns a chunk's part if it is there and whole; a damaged one does not count, and `onWarn` gets the reason. */
export async function findPart(
  storage: Storage,
  run: string,
  chunk: number,
  onWarn: OnWarn = () => undefined,
): Promise<{ readonly counts: Counts } | undefined> {
  // Most chunks have none: one call is enough for them.
  if (!(await hasPart(storage, run, chunk))) return undefined;
  try {
    const record = await readRecord(storage, run, chunk);
    for await (const _ of streamChecked(storage, runDirectory(run).part(chunk), record));
    return { counts: record.counts };
  } catch (error) {
    if (!(error instanceof StorageError) || !error.isForGood) throw error;
    onWarn(error.message);
    return undefined;
  }
}

/** Returns the SHA-256 that a chunk's part was written with, hex; undefined if there is no record of one that can be read. */
export async function readPartHash(storage: Storage, run: string, chunk: number): Promise<string | undefined> {
  return (await unlessDamaged(readRecord(storage, run, chunk)))?.sha256;
}

/** Returns true if a chunk's part is there, damaged or not. */
export async function hasPart(storage: Storage, run: string, chunk: number): Promise<boolean> {
  return (await storage.size(runDirectory(run).part(chunk))) !== undefined;
}

/** Streams a part. Throws `NOT_FOUND` if there is none, and at its end `DAMAGED` for one that is not what was written. */
export async function* streamPart(
  storage: Storage,
  run: string,
  chunk: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* streamChecked(storage, runDirectory(run).part(chunk), await readRecord(storage, run, chunk));
}

/** Streams a part without checking it. Throws `NOT_FOUND` if there is none. */
export async function openPart(storage: Storage, run: string, chunk: number): Promise<Readable> {
  return await storage.stream(runDirectory(run).part(chunk));
}

/** Returns the counts of a chunk's part; undefined if there are none that can be read. The part is usable without them. */
export async function readPartCounts(storage: Storage, run: string, chunk: number): Promise<Counts | undefined> {
  return (await unlessDamaged(readRecord(storage, run, chunk)))?.counts;
}

/** Returns the facts of a part; undefined if there are none that can be read. The part is usable without them. */
export async function readPartFacts(storage: Storage, run: string, chunk: number): Promise<PartFacts | undefined> {
  return await unlessDamaged(getSealed(storage, runDirectory(run).partFacts(chunk), partFactsSchema));
}

async function readRecord(storage: Storage, run: string, chunk: number): Promise<PartRecord> {
  return await getSealed(storage, runDirectory(run).partCounts(chunk), partRecordSchema);
}

/** Resolves to undefined for an object that is not there or damaged. */
async function unlessDamaged<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof StorageError && error.isForGood) return undefined;
    throw error;
  }
}
