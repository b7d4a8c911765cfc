import { Readable } from 'node:stream';
import type { Counts } from '../batch/counts.js';
import { decodeItems } from '../batch/item-ranges.js';
import type { FailItemsInput } from '../batch/step-contract.js';
import type { Storage } from '../storage/storage.js';
import { countEnds } from './count-outcomes.js';
import type { OutcomeIndex } from './outcome-index.js';
import { type FailureRecord, outcomeLine } from './outcomes.js';
import { packItems } from './pack-items.js';
import { runDirectory } from './run-directory.js';
import { type OnWarn, readOutcomes, segmentName } from './segments.js';
import { readStoredSettings } from './settings.js';

/**
 * Writes failure records for items of a chunk that no target can answer. Items that have an outcome keep it. Returns how
 * the items have ended, so that another attempt returns the same. Idempotent.
 */
export async function failItems(storage: Storage, input: FailItemsInput, onWarn: OnWarn): Promise<{ counts: Counts }> {
  const { run, chunk } = input;
  const items = decodeItems(input.items).sort((a, b) => a - b);
  const index = await readOutcomes(storage, run, chunk, onWarn);
  const open = items.filter((item) => index.get(item)?.outcome === undefined);
  if (open.length === 0) return { counts: countEnds(index, items) };
  const lines: Uint8Array[] = [];
  for await (const { item, id } of packItems(storage, run, open, readStoredSettings(storage, run))) {
    const record = failureOf(item, id, index, input);
    index.add(record);
    lines.push(outcomeLine(record));
  }
  await storage.putStream(runDirectory(run).segment(chunk, segmentName()), Readable.from(lines));
  return { counts: countEnds(index, items) };
}

function failureOf(
  item: number,
  id: string | number,
  index: OutcomeIndex,
  { target, error }: FailItemsInput,
): FailureRecord {
  const tries = index.get(item)?.tries ?? [];
  const tried = [...new Set(tries.map((failed) => failed.try.target))];
  return { item, id, at: Date.now(), failure: { target, error, attempts: tries.length, tried } };
}
