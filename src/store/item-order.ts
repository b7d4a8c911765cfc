import { encodeItems, type ItemRanges } from '../batch/item-ranges.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { decodeOrder, ORDER_BYTES } from '../input/prefix-order.js';
import type { Storage } from '../storage/storage.js';
import { ifThere } from './json.js';
import { itemsOf } from './merge.js';
import { runDirectory } from './run-directory.js';
import type { OnWarn } from './segments.js';

/**
 * Returns the items of a chunk in the order in which they are to be asked; undefined for that of the input. An order that is
 * damaged counts as none: it saves tokens, and changes nothing else.
 */
export async function readItemOrder(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
  onWarn: OnWarn,
): Promise<ItemRanges | undefined> {
  const key = runDirectory(run).order;
  const items = itemsOf(chunk);
  const range = [chunk.first * ORDER_BYTES, (chunk.first + items.length) * ORDER_BYTES] as const;
  const bytes = await ifThere(storage.getRange(key, ...range));
  if (bytes === undefined) return undefined;
  const places = decodeOrder(bytes, items.length, chunk.first);
  if (places === undefined) onWarn(`${key} is damaged: chunk ${chunk.chunk} is asked in the order of the input`);
  if (places === undefined || places.every((place, position) => place === position)) return undefined;
  return encodeItems(places.map((place) => chunk.first + place));
}
