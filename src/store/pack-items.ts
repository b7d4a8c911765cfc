import type { AttachmentStamp } from '../input/attachment-stamps.js';
import type { ItemOffset } from '../input/offsets.js';
import { type InputItem, type ItemIdentity, readIds, readItems, readItemsInOrder } from '../input/read-items.js';
import type { Storage } from '../storage/storage.js';
import type { StagedAttachment } from './attachment-index.js';
import { readStagedAttachments, readStagedOffsets, readStamps } from './item-records.js';
import type { StoredSettings } from './settings.js';

/** The settings that locate a run's items. */
export type ItemPlaces = Pick<StoredSettings, 'input' | 'attachments' | 'groupPrefix'>;

/** An item with what is known of its attachments, if it has some. */
export interface PackItem extends InputItem {
  /** In the order of its attachments; undefined for one that is not staged. */
  readonly staged?: readonly (StagedAttachment | undefined)[];
  /**
   * States of its attached files when the input was checked, likewise; absent if the files are staged, and where they were not
   * asked for.
   */
  readonly stamps?: readonly (AttachmentStamp | undefined)[];
}

/**
 * Reads the first of a run's items and returns all of them, in the order of their indices or, if the run groups prompts, of
 * `items`; the others are read as they are iterated. The offsets are read while `places` is pending.
 */
export async function openPackItems(
  storage: Storage,
  run: string,
  items: readonly number[],
  places: Promise<ItemPlaces>,
  withStamps: boolean,
): Promise<AsyncIterable<PackItem>> {
  const rest = packItems(storage, run, items, places, withStamps);
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

/** Reads items of a run from its staged input, in the order of their indices or, if the run groups prompts, of `items`. */
export async function* packItems(
  storage: Storage,
  run: string,
  items: readonly number[],
  places: Promise<ItemPlaces>,
  withStamps = false,
): AsyncGenerator<PackItem, void, undefined> {
  if (items.length === 0) return;
  const rising = [...items].sort((a, b) => a - b);
  const [offsets, { input, attachments, groupPrefix }] = await Promise.all([
    readStagedOffsets(storage, run, rising),
    places,
  ]);
  const found = attachments.staged ? await readStagedAttachments(storage, run, rising) : undefined;
  const stamps = withStamps && !attachments.staged ? await readStamps(storage, run, rising) : undefined;
  const readRange = (start: number, end: number) => storage.getRange(input, start, end);
  const read = groupPrefix
    ? readItemsInOrder(readRange, inOrderOf(items, offsets), input)
    : readItems(readRange, offsets, input);
  for await (const item of read) {
    const staged = found?.get(item.item);
    const own = stamps?.get(item.item);
    yield { ...item, ...(staged === undefined ? {} : { staged }), ...(own === undefined ? {} : { stamps: own }) };
  }
}

/** Reads the ids of items of a run, whose indices rise, some at a time. */
export async function* itemIds(
  storage: Storage,
  run: string,
  items: readonly number[],
  { input }: Pick<ItemPlaces, 'input'>,
): AsyncGenerator<readonly ItemIdentity[], void, undefined> {
  if (items.length === 0) return;
  const offsets = await readStagedOffsets(storage, run, items);
  yield* readIds((start, end) => storage.getRange(input, start, end), offsets, input);
}

function inOrderOf(items: readonly number[], offsets: readonly ItemOffset[]): ItemOffset[] {
  const byItem = new Map(offsets.map((offset) => [offset.item, offset]));
  return items.flatMap((item) => byItem.get(item) ?? []);
}
