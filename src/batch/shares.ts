import { apportion, type ModelShare, takeShares } from './allocation.js';
import { MODALITIES, type Modality, type ModalityCounts } from './modality.js';
import { type ModelTable, weights } from './model-table.js';

/** So many items of each modality, divided among the models that are up. */
export function sharesOf(
  items: ModalityCounts,
  models: ModelTable,
  now: number,
): Record<Modality, readonly ModelShare[]> {
  const shares = { text: [], vision: [], audio: [] } as Record<Modality, readonly ModelShare[]>;
  for (const modality of MODALITIES) {
    const up = weights(models, modality, now);
    shares[modality] = up.length === 0 ? [] : apportion(items[modality], up);
  }
  return shares;
}

/** Takes so many items of each modality out of shares. Returns what was taken, and what is left for others. */
export function takeItems(
  counts: ModalityCounts,
  shares: Readonly<Record<Modality, readonly ModelShare[]>>,
): {
  readonly taken: Record<Modality, readonly ModelShare[]>;
  readonly left: Record<Modality, readonly ModelShare[]>;
} {
  const taken = { text: [], vision: [], audio: [] } as Record<Modality, readonly ModelShare[]>;
  const left = { ...shares };
  for (const modality of MODALITIES) {
    if (shares[modality].length === 0) continue;
    const some = takeShares(counts[modality], shares[modality]);
    taken[modality] = some.taken.filter(({ items }) => items > 0);
    left[modality] = some.left;
  }
  return { taken, left };
}
