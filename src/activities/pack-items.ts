import { type InputItem, readItems } from '../input/read-items.js';
import { readOffsets } from '../input/stage.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';

/**
 * Finds items of a run in its staged input, reads the first of them, and gives all in the order of their indices as they
 * are asked for.
 */
export async function openPackItems(
  storage: Storage,
  run: string,
  items: readonly number[],
): Promise<AsyncIterable<InputItem>> {
  const rest = packItems(storage, run, items);
  const first = await rest.next();
  return startingWith(first, rest);
}

async function* startingWith(
  first: IteratorResult<InputItem, void>,
  rest: AsyncGenerator<InputItem, void, undefined>,
): AsyncGenerator<InputItem, void, undefined> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

/** Reads items of a run from its staged input, in the order of their indices. */
export async function* packItems(
  storage: Storage,
  run: string,
  items: readonly number[],
): AsyncGenerator<InputItem, void, undefined> {
  if (items.length === 0) return;
  const { input } = runDirectory(run);
  const offsets = await readOffsets(storage, run, items);
  yield* readItems((start, end) => storage.getRange(input, start, end), offsets, input);
}
