import { z } from 'zod';
import { oneLineJson } from '../batch/json-line.js';
import { countLayout } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { LineSplitter } from '../input/lines.js';
import type { InvalidItem } from '../input/scan.js';
import { isWhole, sealed } from '../storage/seal.js';
import { damaged, type Storage } from '../storage/storage.js';
import { invalidLine } from './output-line.js';
import { runDirectory } from './run-directory.js';

const invalidItemSchema = z.object({ item: z.number(), id: z.union([z.string(), z.number()]), error: z.string() });

/** Writes a chunk's invalid input lines. */
export async function putInvalidLines(
  storage: Storage,
  run: string,
  chunk: number,
  items: readonly InvalidItem[],
): Promise<void> {
  await storage.putStream(runDirectory(run).invalid(chunk), sealedLines(items));
}

async function* sealedLines(items: readonly InvalidItem[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const item of items) yield sealed('', oneLineJson(item).slice(0, -1));
}

/** Reads the output lines of a chunk's invalid input lines, with their line ends, by item. */
export async function readInvalidLines(
  storage: Storage,
  run: string,
  { chunk, layout }: ChunkManifest,
): Promise<Map<number, string>> {
  const lines = new Map<number, string>();
  const count = countLayout(layout).invalid;
  if (count === 0) return lines;
  const key = runDirectory(run).invalid(chunk);
  const splitter = new LineSplitter(({ content }) => {
    if (!isWhole(content)) return;
    const { item, id, error } = invalidItemSchema.parse(JSON.parse(content.toString('utf8')));
    lines.set(item, invalidLine(id, error));
  });
  for await (const piece of await storage.stream(key)) splitter.push(piece);
  if (lines.size === count) return lines;
  throw damaged(storage, key, `it has ${lines.size} of ${count} lines`);
}
