import type { StagedAttachment } from '../input/attachment-index.js';
import { type InputItem, readItems } from '../input/read-items.js';
import { readStagedAttachments, readStagedOffsets } from '../input/stage.js';
import type { Storage } from '../storage/storage.js';
import type { StoredSettings } from './settings.js';

/** What of a run's settings says where its items are. */
export type ItemPlaces = Pick<StoredSettings, 'input' | 'attachments'>;

/** An item with the attachment that is staged for it, if there is one. */
export interface PackItem extends InputItem {
  readonly staged?: StagedAttachment;
}

/**
 * Finds items of a run in its staged input, reads the first of them, and gives all in the order of their indices as they
 * are asked for. `places` may still be on its way: the offsets are read meanwhile.
 */
export async function openPackItems(
  storage: Storage,
  run: string,
  items: readonly number[],
  places: Promise<ItemPlaces>,
): Promise<AsyncIterable<PackItem>> {
  const rest = packItems(storage, run, items, places);
  const first = await rest.next();
  return startingWith(first, rest);
}

async function* startingWith(
  first: IteratorResult<PackItem, void>,
  rest: AsyncGenerator<PackItem, void, undefined>,
): AsyncGenerator<PackItem, void, undefined> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

/** Reads items of a run from its staged input, in the order of their indices. */
export async function* packItems(
  storage: Storage,
  run: string,
  items: readonly number[],
  places: Promise<ItemPlaces>,
): AsyncGenerator<PackItem, void, undefined> {
  if (items.length === 0) return;
  const [offsets, { input, attachments }] = await Promise.all([readStagedOffsets(storage, run, items), places]);
  const staged = attachments.staged ? await readStagedAttachments(storage, run, items) : undefined;
  for await (const item of readItems((start, end) => storage.getRange(input, start, end), offsets, input)) {
    const attachment = staged?.get(item.item);
    yield attachment === undefined ? item : { ...item, staged: attachment };
  }
}
