import { type InputItem, readItems } from '../input/read-items.js';
import { readOffsets } from '../input/stage.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';

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
