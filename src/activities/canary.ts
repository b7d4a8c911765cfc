import { type CanaryChunk, canaryOf } from '../batch/canary.js';
import { dividedOf } from '../batch/item-groups.js';
import { encodeItems } from '../batch/item-ranges.js';
import { addModalities, noModalityCounts } from '../batch/modality.js';
import { readStagedManifest } from '../store/manifest.js';
import type { ActivityDependencies } from './dependencies.js';
import { invalid, translated } from './failures.js';

/** Chooses the items of a canary: spread evenly over the input, invalid lines left out. */
export function readCanary(
  { storage }: ActivityDependencies,
  { run, items }: { readonly run: string; readonly items: number },
): Promise<{ chunks: CanaryChunk[] }> {
  return translated(async () => {
    const manifest = await readStagedManifest(storage, run);
    if (manifest === undefined) throw invalid(`run ${run} has no manifest`);
    let offset = noModalityCounts();
    const chunks = manifest.chunks.map((chunk) => {
      const before = offset;
      offset = addModalities(offset, dividedOf(chunk));
      return { chunk, offset: before, items: encodeItems(canaryOf(chunk, items, manifest.items)) };
    });
    return { chunks: chunks.filter((chunk) => chunk.items !== '') };
  });
}
