import { countDivided, groupItems } from './item-groups.js';
import { decodeItems, encodeItems, type ItemRanges } from './item-ranges.js';
import { askedAs, decodeLayout, type LayoutCode } from './layout.js';
import type { ChunkManifest } from './manifest.js';
import { addModalities, type ModalityCounts, noModalityCounts } from './modality.js';

/** A chunk of which some items are asked first. */
export interface CanaryChunk {
  readonly chunk: ChunkManifest;
  /** Items of the run before the chunk that are divided among targets, by modality. */
  readonly offset: ModalityCounts;
  readonly items: ItemRanges;
}

/** The items of a run that are asked first, to see what the rest would be like. */
export interface CanaryState {
  /** `review`: they have ended, and the run waits until somebody resumes it. */
  readonly phase: 'asking' | 'review' | 'passed';
  readonly items: ItemRanges;
  /** Chunks that have not started, in the order of the input. */
  readonly pending: readonly CanaryChunk[];
  /** Numbers of the chunks that have started before their turn. */
  readonly started: readonly number[];
  /** Items of the canary in the chunks that have started, by modality: the canary has a division of its own. */
  readonly offset: ModalityCounts;
}

/** Returns the canary of a run that begins. */
export function startCanary(chunks: readonly CanaryChunk[]): CanaryState {
  return {
    phase: chunks.length === 0 ? 'passed' : 'asking',
    items: encodeItems(chunks.flatMap(({ items }) => decodeItems(items))),
    pending: chunks,
    started: [],
    offset: noModalityCounts(),
  };
}

/** Starts the canary's next chunk. Returns undefined if none is left. */
export function startCanaryChunk(
  canary: CanaryState,
): { readonly started: CanaryChunk; readonly canary: CanaryState } | undefined {
  const [started, ...pending] = canary.pending;
  if (started === undefined) return undefined;
  const own = canaryModalities(started);
  const offset = addModalities(canary.offset, own);
  return { started, canary: { ...canary, pending, started: [...canary.started, started.chunk.chunk], offset } };
}

function canaryModalities({ chunk, items }: CanaryChunk): ModalityCounts {
  return countDivided(groupItems(chunk, decodeItems(items)));
}

/**
 * The items of a chunk that a canary of `wanted` items takes: spread evenly over all `total` items of the run. The n-th
 * is item `floor((n + 0.5) × total / wanted)`; of one that is not asked the next in the chunk is taken.
 */
export function canaryOf(chunk: ChunkManifest, wanted: number, total: number): number[] {
  const codes = decodeLayout(chunk.layout);
  const last = chunk.first + codes.length;
  const taken = new Set<number>();
  const step = total / Math.min(wanted, total);
  for (let n = Math.max(0, Math.ceil(chunk.first / step - 0.5)); ; n++) {
    const place = Math.floor((n + 0.5) * step);
    if (place >= last || n >= wanted) break;
    if (place < chunk.first) continue;
    const item = firstAsked(codes, chunk.first, place, taken);
    if (item !== undefined) taken.add(item);
  }
  return [...taken].sort((a, b) => a - b);
}

function firstAsked(
  codes: readonly LayoutCode[],
  first: number,
  from: number,
  taken: ReadonlySet<number>,
): number | undefined {
  for (let item = from; item < first + codes.length; item++) {
    const code = codes[item - first];
    if (code !== undefined && askedAs(code) !== undefined && !taken.has(item)) return item;
  }
  return undefined;
}
