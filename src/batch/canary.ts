import type { ModelShare } from './allocation.js';
import { addRunning, type BatchState, type ChunkBegin, withoutRunning } from './batch-state.js';
import { addCounts, type Counts, NO_COUNTS } from './counts.js';
import { decodeItems, encodeItems, type ItemRanges } from './item-ranges.js';
import { decodeLayout } from './layout.js';
import type { ChunkManifest } from './manifest.js';
import { type Modality, type ModalityCounts, noModalityCounts } from './modality.js';
import type { ModelTable } from './model-table.js';
import { sharesOf, takeItems } from './shares.js';

/** A chunk of which some items are asked first. */
export interface CanaryChunk {
  readonly chunk: ChunkManifest;
  readonly items: ItemRanges;
}

/** The items of a run that are asked first, to see what the rest would be like. */
export interface CanaryState {
  /** `review`: they have ended, and the run waits until somebody resumes it. */
  readonly phase: 'asking' | 'review' | 'passed';
  readonly items: ItemRanges;
  /** Those that have not started, in the order of the input. */
  readonly pending: readonly CanaryChunk[];
  readonly shares: Readonly<Record<Modality, readonly ModelShare[]>>;
  /** What was counted, by chunk, until the chunk starts and finds the answers in storage. */
  readonly counts: Readonly<Record<number, Counts>>;
}

/** The canary of a run that begins; its items are divided among the models as the whole run will be. */
export function startCanary(chunks: readonly CanaryChunk[], models: ModelTable, now: number): CanaryState {
  const modalities = chunks.map(modalitiesOf);
  const all = noModalityCounts();
  for (const { text, vision, audio } of modalities) {
    all.text += text;
    all.vision += vision;
    all.audio += audio;
  }
  return {
    phase: chunks.length === 0 ? 'passed' : 'asking',
    items: encodeItems(chunks.flatMap(({ items }) => decodeItems(items))),
    pending: chunks,
    shares: sharesOf(all, models, now),
    counts: {},
  };
}

/** True while the canary's chunks are what is to be started. */
export function isCanary({ canary }: BatchState): boolean {
  return canary?.phase === 'asking';
}

/** Items that each of the canary's next chunks asks. */
export function canaryItems({ canary }: BatchState): number[] {
  return (canary?.pending ?? []).map(({ items }) => decodeItems(items).length);
}

/** The state in which the canary's next chunk has started. Undefined when none is left. */
export function startCanaryChunk(
  state: BatchState,
  begin: ChunkBegin,
):
  | {
      readonly state: BatchState;
      readonly started: CanaryChunk;
      readonly shares: Record<Modality, readonly ModelShare[]>;
    }
  | undefined {
  const { canary } = state;
  const started = canary?.pending[0];
  if (canary === undefined || started === undefined) return undefined;
  const { taken, left } = takeItems(modalitiesOf(started), canary.shares);
  const next = { ...state, canary: { ...canary, pending: canary.pending.slice(1), shares: left } };
  return { shares: taken, started, state: addRunning(next, started.chunk.chunk, begin) };
}

/** True when the canary ends with the chunk's part of it. */
export function isLastOfCanary({ canary, running }: BatchState, chunk: number): boolean {
  return canary?.pending.length === 0 && Object.keys(running).every((other) => Number(other) === chunk);
}

/** The state after a chunk's part of the canary ended; after the last one the run waits for a person. */
export function endCanaryChunk(state: BatchState, chunk: number, counts: Counts): BatchState {
  const isLast = isLastOfCanary(state, chunk);
  const { canary, ...rest } = withoutRunning(state, chunk);
  if (canary === undefined) return rest;
  const ended: CanaryState = {
    ...canary,
    phase: isLast ? 'review' : 'asking',
    counts: { ...canary.counts, [chunk]: counts },
  };
  if (!isLast) return { ...rest, canary: ended };
  const pausedFor = `the canary has ended: ${decodeItems(canary.items).length} items were asked; look at them, then resume`;
  return { ...rest, canary: ended, paused: true, pausedBy: 'canary', pausedFor };
}

/** The state after somebody has let the run go on. */
export function passCanary(state: BatchState): BatchState {
  const { canary } = state;
  return canary?.phase === 'review' ? { ...state, canary: { ...canary, phase: 'passed' } } : state;
}

/**
 * The state in which a chunk that starts counts its canary's answers itself, since it finds them in storage: of what was
 * counted before, only what came to nothing stays. `found` tells whether there is something to find.
 */
export function leaveCanary(state: BatchState, chunk: number): { readonly state: BatchState; readonly found: boolean } {
  const { [chunk]: counts, ...others } = state.canary?.counts ?? {};
  if (state.canary === undefined || counts === undefined) return { state, found: false };
  const canary = { ...state.canary, counts: others };
  return { state: { ...state, canary, counts: addCounts(state.counts, cameToNothing(counts)) }, found: true };
}

function cameToNothing({ ok, requests, retries, empty, wastedTokens, models }: Counts): Counts {
  const others = Object.entries(models).map(([id, model]) => [
    id,
    { sent: Math.max(0, model.sent - model.ok), ok: 0, failed: 0, fallbacks: model.fallbacks, tokens: 0 },
  ]);
  return {
    ...NO_COUNTS,
    requests: Math.max(0, requests - ok),
    retries,
    empty,
    wastedTokens,
    models: Object.fromEntries(others),
  };
}

function modalitiesOf({ chunk, items }: CanaryChunk): ModalityCounts {
  const codes = decodeLayout(chunk.layout);
  const counts = noModalityCounts();
  for (const item of decodeItems(items)) {
    const code = codes[item - chunk.first];
    if (code !== undefined && code !== 'invalid') counts[code]++;
  }
  return counts;
}

/**
 * The items of a chunk that a canary of `wanted` items takes: spread evenly over all `total` items of the run. The n-th
 * is item `floor((n + 0.5) × total / wanted)`; of an invalid one the next in the chunk is taken.
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
    const item = firstValid(codes, chunk.first, place, taken);
    if (item !== undefined) taken.add(item);
  }
  return [...taken].sort((a, b) => a - b);
}

function firstValid(
  codes: readonly string[],
  first: number,
  from: number,
  taken: ReadonlySet<number>,
): number | undefined {
  for (let item = from; item < first + codes.length; item++) {
    if (codes[item - first] !== 'invalid' && !taken.has(item)) return item;
  }
  return undefined;
}
