import { decodeModels } from './chunk-models.js';
import { askedAs, countLayout, decodeLayout } from './layout.js';
import type { ChunkManifest } from './manifest.js';
import { MODALITIES, type Modality, type ModalityCounts, noModalityCounts, withMore } from './modality.js';

/** Items of a chunk that any target may be asked about which takes one of them. */
export interface ItemGroup {
  readonly modality: Modality;
  /** The model that they name. */
  readonly model: string | undefined;
  /** Indices in the run, in the order in which they were given. */
  readonly items: number[];
}

/** Groups those of some items of a chunk that are asked by what they ask: modality, and the model that they name. */
export function groupItems({ first, layout, models }: ChunkManifest, wanted: readonly number[]): ItemGroup[] {
  const codes = decodeLayout(layout);
  const named = models === undefined ? [] : decodeModels(models);
  const groups = new Map<string, ItemGroup>();
  for (const item of wanted) {
    const code = codes[item - first];
    const modality = code === undefined ? undefined : askedAs(code);
    if (modality === undefined) continue;
    const model = named[item - first];
    const key = `${modality} ${model ?? ''}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { modality, model, items: [item] });
    else group.items.push(item);
  }
  return [...groups.values()].sort((a, b) => MODALITIES.indexOf(a.modality) - MODALITIES.indexOf(b.modality));
}

/** Counts the items of groups that are divided among targets: those that name no model. */
export function countDivided(groups: readonly ItemGroup[]): ModalityCounts {
  return groups.reduce(
    (counts, { modality, model, items }) => (model === undefined ? withMore(counts, modality, items.length) : counts),
    noModalityCounts(),
  );
}

/** Counts the items of a chunk that are asked and divided among targets, by modality. */
export function dividedOf(chunk: ChunkManifest): ModalityCounts {
  if (chunk.models === undefined) return { ...countLayout(chunk.layout).asked };
  return countDivided(groupsOf(chunk));
}

/** Groups all items of a chunk that are asked. */
export function groupsOf(chunk: ChunkManifest): ItemGroup[] {
  return groupItems(
    chunk,
    decodeLayout(chunk.layout).map((_code, at) => chunk.first + at),
  );
}
