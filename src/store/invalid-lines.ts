import { z } from 'zod';
import { oneLineJson } from '../batch/json-line.js';
import { layoutRuns } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { LineSplitter } from '../input/lines.js';
import { isWhole, sealed } from '../storage/seal.js';
import { damaged, type Storage } from '../storage/storage.js';
import { invalidLine } from './output-line.js';
import { runDirectory } from './run-directory.js';

const invalidItemSchema = z.object({ item: z.number(), id: z.union([z.string(), z.number()]), error: z.string() });

/** An invalid input line. */
type InvalidLine = z.output<typeof invalidItemSchema>;

/** Writes the invalid input lines of a chunk whose first item is `first`. */
export async function putInvalidLines(
  storage: Storage,
  run: string,
  first: number,
  items: readonly InvalidLine[],
): Promise<void> {
  await storage.putStream(runDirectory(run).invalid(first), sealedLines(items));
}

async function* sealedLines(items: readonly InvalidLine[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const item of items) yield sealed('', oneLineJson(item).slice(0, -1));
}

/** Reads the output lines of a chunk's invalid input lines, with their line ends, by item. */
export async function readInvalidLines(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
): Promise<Map<number, string>> {
  const items = await readInvalidItems(storage, run, chunk);
  return new Map(items.map(({ item, id, error }) => [item, invalidLine(id, error)]));
}

/**
 * Makes the invalid input lines of chunks those of one that takes their place. Idempotent, also if the other chunks are to be
 * read after all: of an object only the lines of a chunk's own items count.
 */
export async function joinInvalidLines(
  storage: Storage,
  run: string,
  { first }: ChunkManifest,
  from: readonly ChunkManifest[],
): Promise<void> {
  const items: InvalidLine[] = [];
  for (const chunk of from) items.push(...(await readInvalidItems(storage, run, chunk)));
  if (items.length > 0) await putInvalidLines(storage, run, first, items);
}

async function readInvalidItems(
  storage: Storage,
  run: string,
  { first, layout }: ChunkManifest,
): Promise<readonly InvalidLine[]> {
  const runs = layoutRuns(layout);
  const count = runs.reduce((sum, one) => sum + (one.code === 'invalid' ? one.count : 0), 0);
  if (count === 0) return [];
  const end = first + runs.reduce((sum, one) => sum + one.count, 0);
  const lines: InvalidLine[] = [];
  const key = runDirectory(run).invalid(first);
  const splitter = new LineSplitter(({ content }) => {
    if (!isWhole(content)) return;
    const line = invalidItemSchema.parse(JSON.parse(content.toString('utf8')));
    if (line.item >= first && line.item < end) lines.push(line);
  });
  for await (const piece of await storage.stream(key)) splitter.push(piece);
  if (lines.length === count) return lines;
  throw damaged(storage, key, `it has ${lines.length} of ${count} lines`);
}
