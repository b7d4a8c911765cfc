import { type CanaryChunk, canaryOf } from '../batch/canary.js';
import { encodeItems } from '../batch/item-ranges.js';
import { readStagedManifest } from '../input/stage.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { invalid } from './staging.js';

/** Chooses the items of a canary: spread evenly over the input, invalid lines left out. */
export function readCanary(
  { storage }: ActivityDependencies,
  { run, items }: { readonly run: string; readonly items: number },
): Promise<{ chunks: CanaryChunk[] }> {
  return translated(async () => {
    const manifest = await readStagedManifest(storage, run);
    if (manifest === undefined) throw invalid(`run ${run} has no manifest`);
    const chunks = manifest.chunks.map((chunk) => ({
      chunk,
      items: encodeItems(canaryOf(chunk, items, manifest.items)),
    }));
    return { chunks: chunks.filter((chunk) => chunk.items !== '') };
  });
}
