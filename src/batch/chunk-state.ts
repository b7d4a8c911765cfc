import type { ItemFailure } from './activity-contract.js';
import { type Counts, NO_COUNTS, spentTokens, tokensPerItem } from './counts.js';
import { divide } from './division.js';
import { countDivided, dividedOf, groupItems, type ItemGroup } from './item-groups.js';
import { countItems, decodeItems, encodeItems, type ItemRanges } from './item-ranges.js';
import { countLayout, decodeLayout } from './layout.js';
import type { ChunkManifest } from './manifest.js';
import { countOf, MODALITIES, type Modality, type ModalityCounts } from './modality.js';
import { addOpen, countOpen, dueBy, newItems, type OpenItems, takeOpen } from './open-items.js';
import type { WorkflowOptions } from './options.js';
import { own } from './own.js';
import { packShape } from './packs.js';
import {
  candidates,
  type EndpointStop,
  namedTarget,
  ofLowestOrder,
  orderOf,
  type Target,
  type Targets,
  takers,
  weightsOf,
} from './targets.js';

/** Why a whole run stops or pauses. */
export interface RunStop {
  readonly type: EndpointStop | 'AllRefused';
  readonly message: string;
  /** When the pack that met it was started, epoch ms. */
  readonly askedAt: number;
}

/** A time in which no target can be asked, epoch ms. */
export interface Wait {
  readonly text: string;
  readonly since: number;
  /** When a target is asked again. */
  readonly until: number;
  /** Times that a target was asked again in vain. */
  readonly tries: number;
  /** Minimum number of times before the items are given up. */
  readonly minTries: number;
}

/** The part of the run's division that is a chunk's: the items `[from, to)` of a modality. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/** By modality; one that no item has may be absent. */
type Parts = Readonly<Partial<Record<Modality, Part>>>;

/** A chunk's whole state: one plain object, so that continuing as new is passing it on. */
export interface ChunkState {
  readonly open: readonly OpenItems[];
  readonly targets: Targets;
  readonly parts: Parts;
  /** Items of each modality that were given to each target and not given back; not those that name their model. */
  readonly given: Readonly<Partial<Record<Modality, Readonly<Record<string, number>>>>>;
  readonly counts: Counts;
  /** Number of the next pack. */
  readonly nextPack: number;
  /** Permits returned so far. */
  readonly returned: number;
  /** Tokens that the packs out now may still spend. */
  readonly reserved: number;
  readonly wait?: Wait;
  readonly stop?: RunStop;
  /** Newest last, maximum 5. */
  readonly lastFailures: readonly ItemFailure[];
  readonly notes: readonly string[];
  /** Items that a canary holds back. */
  readonly held: ItemRanges;
  /** The chunk has a part already, of which some items are asked again. */
  readonly reopened: boolean;
}

/** What a chunk begins with. */
export interface ChunkStart {
  readonly chunk: ChunkManifest;
  readonly targets: Targets;
  /** Items of the run before the chunk, by modality. */
  readonly offset: ModalityCounts;
  readonly canary?: { readonly items: ItemRanges; readonly offset: ModalityCounts } | undefined;
  /** Items that have an outcome already. */
  readonly done?: ItemRanges;
}

/** Returns the state of a chunk that begins; its invalid lines are counted as skipped. */
export function startChunk({ chunk, targets, offset, canary, done = '' }: ChunkStart): ChunkState {
  const codes = decodeLayout(chunk.layout);
  const finished = new Set(decodeItems(done));
  const first = canary === undefined ? undefined : new Set(decodeItems(canary.items));
  const all = codes.map((_code, position) => chunk.first + position);
  const wanted = all.filter((item) => !finished.has(item) && (first === undefined || first.has(item)));
  const open = groupItems(chunk, wanted);
  const parts = partsFrom(canary === undefined ? offset : canary.offset, countDivided(open));
  const held = first === undefined ? [] : all.filter((item) => !finished.has(item) && !first.has(item));
  return {
    open: openGroups(open),
    targets,
    parts,
    given: {},
    counts: { ...NO_COUNTS, skipped: countLayout(chunk.layout).invalid },
    nextPack: 1,
    returned: 0,
    reserved: 0,
    lastFailures: [],
    notes: [],
    held: encodeItems(held),
    reopened: false,
  };
}

/** Notes that a chunk remembers. */
const NOTES = 5;

/** Adds a note, once. */
export function addChunkNote(state: ChunkState, note: string): ChunkState {
  return state.notes.includes(note) ? state : { ...state, notes: [...state.notes, note].slice(-NOTES) };
}

/** Opens the items that a canary held back: they are the chunk's part of the run's division. */
export function openHeld(state: ChunkState, chunk: ChunkManifest, offset: ModalityCounts): ChunkState {
  if (state.held === '') return state;
  const items = groupItems(chunk, decodeItems(state.held));
  const parts = partsFrom(offset, dividedOf(chunk));
  return { ...state, parts, held: '', open: openGroups(items).reduce(addOpen, state.open) };
}

function openGroups(groups: readonly ItemGroup[]): readonly OpenItems[] {
  return groups.map(({ modality, model, items }) => newItems(modality, encodeItems(items), model));
}

/** Returns the part of the run's division that so many items have after those before them. */
function partsFrom(before: ModalityCounts, own: ModalityCounts): Parts {
  const parts: { [modality in Modality]?: Part } = {};
  for (const modality of MODALITIES) {
    const from = countOf(before, modality);
    const items = countOf(own, modality);
    if (items > 0) parts[modality] = { from, to: from + items };
  }
  return parts;
}

/** A pack: items for one target, with its share of the run's bounds. */
export interface Pack extends OpenItems {
  readonly target: string;
  readonly permits: number;
  readonly tokens?: number;
  readonly hasOther: boolean;
}

/** What a chunk cuts packs by. */
export interface CutContext {
  readonly options: WorkflowOptions;
  /** Permits that no pack holds, 1 or more. */
  readonly free: number;
  /** Permits, besides the free ones, that are left items to ask: see {@link reserveOf}. */
  readonly reserve: number;
  /** Permits that the chunk has in all. */
  readonly permits: number;
  readonly allowance?: number | undefined;
  readonly tokensPerItem: number;
  /** Epoch ms. */
  readonly now: number;
}

/**
 * Returns the permits for which packs that are cut now for `free` permits leave items: as if half of the run's permits
 * (`concurrency`) were free at least. The few that come free first, when a chunk takes over from another or a pack ends
 * early, must not be given what the others could do.
 */
export function reserveOf(free: number, concurrency: number): number {
  return Math.max(0, Math.ceil(concurrency / 2) - free);
}

/** Cuts the next pack: which items, which target, how many. Returns no pack if nothing can be asked now. */
export function cutPack(state: ChunkState, context: CutContext): { readonly pack?: Pack; readonly state: ChunkState } {
  const left = tokensLeft(state, context.allowance);
  if (left === 0) return { state };
  for (const group of dueBy(state.open, context.now)) {
    const up = targetsFor(state, group, context.now);
    const first = ofLowestOrder(up);
    const choice = chooseTarget(state, group, first);
    const among = { targets: first.length, hasOther: up.length > 1, left };
    if (choice !== undefined) return cut(state, context, group, choice, among);
  }
  return { state };
}

/** Returns the targets that may be asked about a group of items now. */
export function targetsFor(state: ChunkState, group: OpenItems, now: number): Targets {
  const { misfitOf = [] } = group;
  const able = candidates(targetsOf(state.targets, group), group.modality, now);
  const fit = able.filter(({ id }) => !misfitOf.includes(id));
  return fit.length > 0 ? fit : able;
}

/** Returns the targets that a group of items has to choose from: the model that it names, without those that have refused it. */
export function targetsOf(targets: Targets, { model, refusedBy }: OpenItems): Targets {
  const own = model === undefined ? targets : namedTarget(targets, model);
  return refusedBy.length === 0 ? own : own.filter(({ id }) => !refusedBy.includes(id));
}

interface TargetChoice {
  readonly target: string;
  /** Maximum number of items, so that the division comes out exact. */
  readonly items: number;
  /** Items that are due to the targets that may be asked; the others are kept for those that are down. */
  readonly due: number;
}

/**
 * Chooses among targets of one order that may be asked the one that is furthest behind its part of the run. Targets that are
 * down keep their parts until the others have had theirs; what is left then goes to those that are up, by their weights.
 */
function chooseTarget(state: ChunkState, { modality, model }: OpenItems, up: Targets): TargetChoice | undefined {
  const [one] = up;
  if (one === undefined) return undefined;
  if (model !== undefined) return namedChoice(one);
  const all = takers(state.targets, modality).filter((target) => orderOf(target) === orderOf(one));
  const parts = partsOf(state.parts[modality] ?? NO_PART, all);
  let best: { readonly target: string; readonly items: number; readonly behind: number } | undefined;
  let due = 0;
  for (const { id } of up) {
    const part = parts.get(id) ?? 0;
    const items = part - (own(state.given[modality] ?? {}, id) ?? 0);
    if (items <= 0) continue;
    due += items;
    if (best === undefined || items / part > best.behind) best = { target: id, items, behind: items / part };
  }
  return best === undefined ? leastGiven(state, modality, up) : { ...best, due };
}

/** Items that name their model are no part of the run's division. */
function namedChoice({ id }: Target): TargetChoice {
  return { target: id, items: Number.POSITIVE_INFINITY, due: Number.POSITIVE_INFINITY };
}

const NO_PART: Part = { from: 0, to: 0 };

function partsOf({ from, to }: Part, targets: Targets): ReadonlyMap<string, number> {
  const counts = divide(weightsOf(targets), from, to);
  return new Map(targets.map(({ id }, index) => [id, counts[index] ?? 0]));
}

function leastGiven(state: ChunkState, modality: Modality, up: Targets): TargetChoice | undefined {
  const weights = weightsOf(up);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let best: { readonly id: string; readonly weight: number; readonly rank: number } | undefined;
  for (const [at, { id }] of up.entries()) {
    const weight = weights[at] ?? 0;
    const rank = (own(state.given[modality] ?? {}, id) ?? 0) / weight;
    if (best === undefined || rank < best.rank) best = { id, weight, rank };
  }
  if (best === undefined) return undefined;
  const items = Math.ceil((countOpen(state.open) * best.weight) / sum);
  return { target: best.id, items: Math.max(1, items), due: Number.POSITIVE_INFINITY };
}

/** Among what a pack's target was chosen. */
interface Among {
  /** Targets of its order that may be asked. */
  readonly targets: number;
  /** Another target may be asked, of any order. */
  readonly hasOther: boolean;
  /** Tokens that may be spent; undefined without a limit. */
  readonly left: number | undefined;
}

function cut(
  state: ChunkState,
  context: CutContext,
  group: OpenItems,
  choice: TargetChoice,
  { targets, hasOther, left }: Among,
): { readonly pack: Pack; readonly state: ChunkState } {
  const { options, free, reserve, now } = context;
  const { concurrency, pack: fixed } = options;
  const open = dueBy(state.open, now);
  const alike = countOpen(open.filter(({ modality, model }) => modality === group.modality && model === group.model));
  const ready = countOpen(open) - Math.max(0, alike - choice.due);
  const shape = packShape({
    concurrency,
    ready,
    among: free + reserve,
    free,
    targets: Math.max(targets, modelsOf(open)),
    fixed,
  });
  const affordable =
    left === undefined ? Number.POSITIVE_INFINITY : affordableItems(state, context, left, shape.permits);
  const { taken, groups } = takeOpen(state.open, group, Math.min(shape.items, choice.items, affordable));
  const items = countItems(taken.items);
  // A target that is due fewer items leaves permits to the next one: so all that is ready is in packs at once.
  const due = Math.ceil((shape.permits * Math.min(shape.items, choice.items)) / shape.items);
  // A retry holds few permits: they are idle while its policy waits.
  const wanted = group.retryAt === undefined ? items : Math.ceil(items / 10);
  const tokens = left === undefined ? {} : { tokens: budgetOf(state, context, left, items) };
  const pack: Pack = {
    ...taken,
    target: choice.target,
    permits: Math.min(due, wanted),
    ...tokens,
    hasOther,
  };
  const next = giveItems(state, pack, items);
  const reserved = state.reserved + (pack.tokens ?? 0);
  const rest = pack.model === undefined ? groups : inTurn(groups, pack.model);
  return { pack, state: { ...next, open: rest, reserved, nextPack: state.nextPack + 1 } };
}

/** Returns how many models the items of groups name; items that name none count as one more. */
function modelsOf(groups: readonly OpenItems[]): number {
  return new Set(groups.map(({ model }) => model)).size;
}

/** Puts the groups that name a model behind the others: each model has its turn, and none waits for the end of another. */
function inTurn(groups: readonly OpenItems[], model: string): readonly OpenItems[] {
  const isLast = (group: OpenItems): boolean => group.model === model;
  return [...groups.filter((group) => !isLast(group)), ...groups.filter(isLast)];
}

/** Counts items as given to a pack's target; a negative number for those that come back. */
export function giveItems(
  state: ChunkState,
  { modality, model, target }: Pick<Pack, 'modality' | 'model' | 'target'>,
  items: number,
): ChunkState {
  if (model !== undefined) return state;
  const given = state.given[modality] ?? {};
  const count = Math.max(0, (own(given, target) ?? 0) + items);
  return { ...state, given: { ...state.given, [modality]: { ...given, [target]: count } } };
}

/** Returns the tokens that are neither spent nor reserved, 0 or more; undefined without a limit. */
export function tokensLeft({ reserved, counts }: ChunkState, allowance: number | undefined): number | undefined {
  return allowance === undefined ? undefined : Math.max(0, allowance - reserved - spentTokens(counts));
}

/** Returns how many items a pack may have, so that what may be spent is shared among the chunk's permits. */
function affordableItems(state: ChunkState, context: CutContext, left: number, permits: number): number {
  const items = left / tokensPerItem(state.counts, context.tokensPerItem);
  return Math.max(1, Math.floor((items * permits) / Math.max(1, context.permits)));
}

/** Room in a pack's tokens for answers that are longer than most. */
const BUDGET_ROOM = 1.25;

function budgetOf(state: ChunkState, context: CutContext, left: number, items: number): number {
  const wanted = Math.ceil(items * tokensPerItem(state.counts, context.tokensPerItem) * BUDGET_ROOM);
  return Math.min(left, wanted);
}

/** Returns true if every item has an outcome, is in a pack, or is held back. */
export function nothingOpen(state: ChunkState): boolean {
  return state.open.length === 0;
}
