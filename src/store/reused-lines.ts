import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { decodeLayout, isReused } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { countSchema } from '../batch/numbers.js';
import { damaged, type Storage } from '../storage/storage.js';
import { Checksum, contentSchema, streamChecked } from './checked-object.js';
import { getSealed, putSealed } from './json.js';
import type { LinePlace } from './outcome-index.js';
import { mapLines } from './output-line.js';
import { runDirectory } from './run-directory.js';

const recordSchema = contentSchema.extend({
  /** Indices in the run of the answers that were cut at the token limit. */
  truncated: z.array(countSchema),
});

/** Answers of a chunk's items that were taken from an earlier run. */
export interface ReusedLines {
  /** Where each output line lies, by item in input order. */
  readonly places: ReadonlyMap<number, LinePlace>;
  /** Items whose answer was cut at the token limit. */
  readonly truncated: ReadonlySet<number>;
}

const NONE: ReusedLines = { places: new Map(), truncated: new Set() };

/** Writes the output lines of a chunk's items whose answers were taken from an earlier run, in input order. */
export async function putReused(
  storage: Storage,
  run: string,
  chunk: number,
  { lines, truncated }: { readonly lines: AsyncIterable<Uint8Array>; readonly truncated: readonly number[] },
): Promise<void> {
  const directory = runDirectory(run);
  const checksum = new Checksum();
  await storage.putStream(directory.reused(chunk), checksum.of(lines));
  await putSealed(storage, directory.reusedRecord(chunk), { truncated, ...checksum.value() });
}

/** Finds the answers of a chunk's items that were taken from an earlier run. Throws `NOT_FOUND` or `DAMAGED` if they are not all there. */
export async function readReused(storage: Storage, run: string, chunk: ChunkManifest): Promise<ReusedLines> {
  const codes = decodeLayout(chunk.layout);
  const items = codes.flatMap((code, at) => (isReused(code) ? [chunk.first + at] : []));
  if (items.length === 0) return NONE;
  const directory = runDirectory(run);
  const record = await getSealed(storage, directory.reusedRecord(chunk.chunk), recordSchema);
  const segment = directory.reused(chunk.chunk);
  const places: LinePlace[] = [];
  const lines = mapLines(streamChecked(storage, segment, record), (line, start) => placeOf(segment, line, start));
  for await (const some of lines) places.push(...some);
  if (places.length !== items.length) {
    throw damaged(storage, segment, `it has ${places.length} of ${items.length} lines`);
  }
  return {
    places: new Map(places.map((place, at) => [items[at] ?? 0, place])),
    truncated: new Set(record.truncated),
  };
}

/** Returns where a line lies. */
export function placeOf(segment: string, content: Buffer, start: number): LinePlace {
  return { segment, start, bytes: content.length, crc: crc32(content) };
}
