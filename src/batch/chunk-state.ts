import { apportion, type ModelShare } from './allocation.js';
import { addCounts, type Counts, countFailure, NO_COUNTS, spentTokens, tokensPerItem } from './counts.js';
import { decodeLayout } from './layout.js';
import type { ChunkManifest } from './manifest.js';
import { MODALITIES, type Modality } from './modality.js';
import { type ModelTable, weights } from './model-table.js';
import { own } from './own.js';
import { type PackShape, packShape } from './packs.js';
import type { WorkflowOptions } from './run.js';
import type { FailedItem, RecoveredChunk } from './work.js';
import {
  chooseQueue,
  countItems,
  cutPack,
  dealItems,
  moveFromDown,
  type Pack,
  type Queue,
  type Stranded,
} from './work-queue.js';

/** Why a whole run stops or pauses. */
export interface RunStop {
  readonly type: 'Unauthorized' | 'PaymentRequired';
  readonly message: string;
  /** When the pack that met it was started, epoch ms. */
  readonly askedAt: number;
}

/** A chunk's whole state: one plain object, so that continuing as new is passing it on. */
export interface ChunkState {
  readonly queues: readonly Queue[];
  readonly stranded: readonly Stranded[];
  readonly models: ModelTable;
  /** Mean answer time by model, ms, moving. */
  readonly latency: Readonly<Record<string, number>>;
  readonly segments: readonly string[];
  readonly failures: readonly FailedItem[];
  readonly counts: Counts;
  /** Looks at the models list in a row that found no model for stranded items. */
  readonly rounds: number;
  /** Number of the next pack; never used twice in a run, since segments carry it. */
  readonly nextPack: number;
  /** Lanes granted to and given back by this chunk so far. */
  readonly granted: number;
  readonly returned: number;
  /** Lanes that the parent has asked back so far. */
  readonly recalled: number;
  /** Tokens that the chunk may spend in all; absent without a limit. */
  readonly allowance?: number;
  /** Tokens that the packs under way may still spend. */
  readonly reserved: number;
  /** What an item costs as the run had seen it, tokens; what the chunk sees itself goes before. */
  readonly tokensPerItem: number;
  /** Items of the run outside this chunk that are in no pack, as last heard. */
  readonly leftElsewhere: number;
  readonly paused: boolean;
  readonly stop?: RunStop;
  /** The chunk has a part already, of which some items are asked again. */
  readonly reopened: boolean;
}

/** What counts of a chunk that an earlier execution has worked on. */
type Recovered = Pick<RecoveredChunk, 'segments' | 'counts' | 'reopened'>;

/** What a chunk starts with. */
export interface ChunkStart {
  readonly chunk: ChunkManifest;
  /** Items already answered, found in storage; usually empty. */
  readonly answered: ReadonlySet<number>;
  readonly shares: Readonly<Record<Modality, readonly ModelShare[]>>;
  readonly models: ModelTable;
  readonly latency: Readonly<Record<string, number>>;
  readonly lanes: number;
  readonly leftElsewhere: number;
  readonly allowance?: number;
  readonly tokensPerItem: number;
}

/** The state of a chunk that begins: its items dealt to models, its invalid lines counted as failed. */
export function startChunk(start: ChunkStart): ChunkState {
  const items = itemsByModality(start.chunk);
  const queues: Queue[] = [];
  const stranded: Stranded[] = [];
  for (const modality of MODALITIES) {
    const open = items[modality].filter((item) => !start.answered.has(item));
    const shares = open.length === items[modality].length ? start.shares[modality] : rescale(open, start, modality);
    const dealt = dealItems(modality, open, shares);
    queues.push(...dealt.queues);
    if (dealt.rest.length > 0) stranded.push({ modality, items: dealt.rest, tried: [], attempts: 0, takeOver: [] });
  }
  return {
    queues,
    stranded,
    models: start.models,
    latency: start.latency,
    segments: [],
    failures: [],
    counts: { ...NO_COUNTS, skipped: items.invalid.length },
    rounds: 0,
    nextPack: 1,
    granted: start.lanes,
    returned: 0,
    recalled: 0,
    reserved: 0,
    tokensPerItem: start.tokensPerItem,
    ...(start.allowance === undefined ? {} : { allowance: start.allowance }),
    leftElsewhere: start.leftElsewhere,
    paused: false,
    reopened: false,
  };
}

function rescale(open: readonly number[], start: ChunkStart, modality: Modality): ModelShare[] {
  const shares = start.shares[modality].map(({ model, items }) => ({ model, weight: items }));
  return shares.some(({ weight }) => weight > 0) ? apportion(open.length, shares) : [];
}

function itemsByModality(chunk: ChunkManifest): Record<Modality | 'invalid', number[]> {
  const items: Record<Modality | 'invalid', number[]> = { text: [], vision: [], audio: [], invalid: [] };
  decodeLayout(chunk.layout).forEach((code, position) => {
    items[code].push(chunk.first + position);
  });
  return items;
}

/** A pack and how it is run. */
export interface CutPack extends Omit<PackShape, 'items'> {
  readonly pack: Pack;
}

/**
 * Cuts the next pack for some of `free` lanes, at least 1; undefined when nothing can be done now. Down models' items are
 * moved first.
 */
export function nextPack(
  state: ChunkState,
  options: WorkflowOptions,
  now: number,
  free: number,
): { readonly cut: CutPack | undefined; readonly state: ChunkState } {
  const moved = moveFromDown(state.queues, state.models, now);
  const stranded = [...state.stranded, ...moved.stranded];
  const queue = chooseQueue(moved.queues, now);
  const left = tokensLeft(state);
  if (queue === undefined || left === 0) return { cut: undefined, state: { ...state, queues: moved.queues, stranded } };
  const open = countItems(moved.queues);
  const situation = {
    left: open + state.leftElsewhere,
    concurrency: options.concurrency,
    latencyMs: own(state.latency, queue.model),
    fixed: options.pack,
    wide: options.widePacks,
  };
  const shape = packShape(situation, { free, open, number: state.nextPack });
  const { pack: whole, queues } = cutPack(
    moved.queues,
    queue,
    Math.min(shape.items, affordableItems(state, left, shape)),
  );
  const pack = withBudget(whole, state, left);
  const cut = { pack, lanes: Math.min(shape.lanes, pack.items.length), last: shape.last };
  const reserved = state.reserved + (pack.tokenBudget ?? 0);
  return { cut, state: { ...state, queues, stranded, reserved, nextPack: state.nextPack + 1 } };
}

/** Tokens that are neither spent nor reserved; undefined without a limit. Not below 0. */
export function tokensLeft({ allowance, reserved, counts }: ChunkState): number | undefined {
  return allowance === undefined ? undefined : Math.max(0, allowance - reserved - spentTokens(counts));
}

/** Items of a pack at most, so that what may be spent is shared out among the lanes. */
function affordableItems(state: ChunkState, left: number | undefined, { lanes }: PackShape): number {
  if (left === undefined) return Number.POSITIVE_INFINITY;
  const items = left / tokensPerItem(state.counts, state.tokensPerItem);
  return Math.max(1, Math.floor((items * lanes) / Math.max(1, state.granted - state.returned)));
}

/** Room in a pack's budget for answers that are longer than most. */
const BUDGET_ROOM = 1.25;

function withBudget({ tokenBudget: _earlier, ...pack }: Pack, state: ChunkState, left: number | undefined): Pack {
  if (left === undefined) return pack;
  const wanted = Math.ceil(pack.items.length * tokensPerItem(state.counts, state.tokensPerItem) * BUDGET_ROOM);
  return { ...pack, tokenBudget: Math.min(left, wanted) };
}

/** The state after a pack has ended: what it did not spend may be spent by others. */
export function releaseBudget(state: ChunkState, { tokenBudget = 0 }: Pack): ChunkState {
  return { ...state, reserved: Math.max(0, state.reserved - tokenBudget) };
}

/** Gives stranded items to the models that may be asked now; those that still have none stay stranded. */
export function unstrand(state: ChunkState, now: number): ChunkState {
  const queues = [...state.queues];
  const stranded: Stranded[] = [];
  for (const group of state.stranded) {
    const up = weights(state.models, group.modality, now);
    if (up.length === 0) stranded.push(group);
    else {
      const { queues: dealt } = dealItems(group.modality, group.items, apportion(group.items.length, up));
      const { tried, attempts, takeOver } = group;
      queues.push(...dealt.map((queue) => ({ ...queue, tried, attempts, takeOver })));
    }
  }
  return { ...state, queues, stranded };
}

/** Ends every stranded item with the error that means that no model could be had. */
export function failStranded(state: ChunkState): ChunkState {
  const failures = state.stranded.flatMap(({ items, tried, attempts }) =>
    items.map((item) => ({ item, model: tried.at(-1) ?? '', error: '503: no nodes available', attempts, tried })),
  );
  return addFailures({ ...state, stranded: [] }, failures);
}

/** The state with items that ended in an error. */
export function addFailures(state: ChunkState, failures: readonly FailedItem[]): ChunkState {
  return {
    ...state,
    failures: [...state.failures, ...failures],
    counts: failures.reduce((counts, { model, error }) => countFailure(counts, model, error), state.counts),
  };
}

/** Takes over what an earlier execution left answered. */
export function takeRecovered(state: ChunkState, { segments, counts, reopened = false }: Recovered): ChunkState {
  return { ...state, reopened, segments: [...state.segments, ...segments], counts: addCounts(state.counts, counts) };
}

/** True when every item has an answer or an error, or is in a pack under way. */
export function nothingOpen(state: ChunkState): boolean {
  return state.queues.length === 0 && state.stranded.length === 0;
}

/** Items that could be in a pack by `time`, epoch ms: all but those that wait to be tried again later than that. */
export function itemsDueBy(state: ChunkState, time: number): number {
  return countItems(state.queues.filter(({ alone }) => alone === undefined || alone.notBefore <= time));
}

/** When the next item that waits to be tried again may be, epoch ms after `now`; undefined when none waits. */
export function nextTry(state: ChunkState, now: number): number | undefined {
  const times = state.queues.flatMap(({ alone }) =>
    alone !== undefined && alone.notBefore > now ? [alone.notBefore] : [],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}
