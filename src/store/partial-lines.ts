import type { ChunkManifest } from '../batch/manifest.js';
import type { AnswerFacts, FailureFacts } from '../batch/part-facts.js';
import type { Storage } from '../storage/storage.js';
import { withColumns } from './columns.js';
import { copyLines, type LineSource } from './copy-lines.js';
import { readInvalidLines } from './invalid-lines.js';
import { ifThere } from './json.js';
import { readStagedManifest } from './manifest.js';
import { itemsOf, linesOf } from './merge.js';
import { OutcomeIndex } from './outcome-index.js';
import { mapOutputLines } from './output-line.js';
import { findPart, hasPart, openPart } from './parts.js';
import { readReused } from './reused-lines.js';
import { readOutcomes } from './segments.js';
import { readStoredSettings } from './settings.js';
import { FilledParts, readTwins } from './twins.js';

/** The output lines that a chunk without a part has so far. */
export interface OpenChunk {
  /** Lines with their line ends, by item in input order. */
  readonly lines: ReadonlyMap<number, LineSource>;
  readonly index: OutcomeIndex;
}

/** Yields the output lines that a run has so far, in input order. Nothing for a run whose input is not staged. */
export async function* partialLines(storage: Storage, run: string): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = await readStagedManifest(storage, run);
  if (manifest === undefined) return;
  const filled = new FilledParts(storage, run);
  for (const chunk of manifest.chunks) {
    const { items, lines } = await linesSoFar(storage, run, chunk, filled);
    yield* withColumns(storage, run, manifest, items, lines);
  }
}

/** Returns the output lines that a chunk has so far, and the items that they are of. */
async function linesSoFar(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
  filled: FilledParts,
): Promise<{ readonly items: readonly number[]; readonly lines: AsyncIterable<Uint8Array> }> {
  const part = () => partLines(storage, run, chunk, filled);
  if ((await findPart(storage, run, chunk.chunk)) !== undefined) return await part();
  const { lines } = await readOpenChunk(storage, run, chunk, filled);
  // Once more: a chunk that ends meanwhile removes its segments when its part is there.
  if ((await findPart(storage, run, chunk.chunk)) !== undefined) return await part();
  return { items: [...lines.keys()], lines: copyLines(storage, lines.values()) };
}

/** Returns the lines of a chunk's part, with those that its items get from parts before it, as far as these are there. */
export async function partLines(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
  filled: FilledParts,
): Promise<{ readonly items: readonly number[]; readonly lines: AsyncIterable<Uint8Array> }> {
  const lines = await filled.lines(chunk);
  if (lines === undefined) return { items: itemsOf(chunk), lines: await openPart(storage, run, chunk.chunk) };
  return { items: [...lines.keys()], lines: copyLines(storage, lines.values()) };
}

/**
 * Returns what a chunk without a part has so far; undefined if its part is there. With the parts before it, `filled`, it has the
 * lines that its items get from them.
 */
export async function openChunk(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
  filled?: FilledParts,
): Promise<OpenChunk | undefined> {
  if (await hasPart(storage, run, chunk.chunk)) return undefined;
  const open = await readOpenChunk(storage, run, chunk, filled);
  return (await hasPart(storage, run, chunk.chunk)) ? undefined : open;
}

/** Maps the output lines of some items; `undefined` leaves one out. */
export function mapLinesOf<T>(
  storage: Storage,
  lines: ReadonlyMap<number, LineSource>,
  map: (item: number, line: Buffer) => T | undefined,
): AsyncGenerator<readonly T[], void, undefined> {
  const items = [...lines.keys()];
  return mapOutputLines(copyLines(storage, lines.values()), 0, (at, line) => map(items[at] ?? 0, line));
}

/** Returns the facts of an item that has ended. */
export function factsOf(
  index: OutcomeIndex,
  item: number,
): { readonly answer?: AnswerFacts | undefined; readonly failure?: FailureFacts | undefined } {
  const failed = index.failure(item);
  return { answer: index.answers.get(item), failure: failed === undefined ? undefined : { item, ...failed.failure } };
}

/** Returns what a chunk's segments and invalid lines have, whether or not its part is there. */
export async function readOpenChunk(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
  filled?: FilledParts,
): Promise<OpenChunk> {
  // What was removed meanwhile, since its part is written, is none; nor has a run settings that has not begun.
  const [index = new OutcomeIndex(), invalid, reused, twins, settings] = await Promise.all([
    ifThere(readOutcomes(storage, run, chunk.chunk)),
    readInvalidLines(storage, run, chunk),
    ifThere(readReused(storage, run, chunk)),
    filled === undefined ? undefined : ifThere(readTwins(storage, run, chunk)),
    ifThere(readStoredSettings(storage, run)),
  ]);
  const others = new Map<number, LineSource>(invalid);
  for (const [item, place] of reused?.places ?? []) others.set(item, { place });
  for (const [item, twin] of twins ?? []) {
    const line = filled?.line(twin);
    if (line !== undefined) others.set(item, line);
  }
  return { index, lines: linesOf(itemsOf(chunk), index, others, settings?.detail ?? false) };
}
