import { apportion, type ModelShare, takeShares } from './allocation.js';
import { addCounts, type Counts, countModel, NO_COUNTS } from './counts.js';
import { PACKS_OF_A_CHUNK } from './history-room.js';
import { grantLanes, type LaneGrants } from './lanes.js';
import { countLayout } from './layout.js';
import type { ChunkManifest } from './manifest.js';
import { MODALITIES, type Modality, type ModalityCounts } from './modality.js';
import { type ModelTable, mergeModels, sameModels, weights } from './model-table.js';
import { packSize, packWidth } from './packs.js';
import type { ChunkOrders, ChunkReport } from './reports.js';
import type { ManifestFacts, PreparedRun, WorkflowOptions } from './run.js';
import type { FailedItem } from './work.js';

/** Failures the run remembers to show. */
const LAST_FAILURES = 5;

/** Chunks that are looked at when lanes are free: more are never started in one go. */
const START_AHEAD = 50;

/** A started chunk that has not ended, as the parent knows it. */
export interface RunningChunk {
  readonly granted: number;
  readonly returned: number;
  readonly inFlight: number;
  readonly open: number;
  readonly counts: Counts;
  readonly stranded?: ChunkReport['stranded'];
  /** Pack size that what the chunk last heard of the run leads to. */
  readonly toldSize: number;
}

/** The parent's whole state: one plain object, so that continuing as new is passing it on. */
export interface BatchState {
  /** Epoch ms. */
  readonly startedAt: number;
  readonly options: WorkflowOptions;
  readonly manifest: ManifestFacts;
  /** Number of the next chunk to start. */
  readonly nextChunk: number;
  readonly doneChunks: number;
  /** Items of chunks that have not started. */
  readonly unstarted: ModalityCounts;
  /** What each model still gets of them, by modality. */
  readonly shares: Readonly<Record<Modality, readonly ModelShare[]>>;
  readonly models: ModelTable;
  readonly latency: Readonly<Record<string, number>>;
  /** Counts of the chunks that have ended. */
  readonly counts: Counts;
  readonly running: Readonly<Record<number, RunningChunk>>;
  readonly paused: boolean;
  /** Why, in words. */
  readonly pausedFor?: string;
  /** When the run was last resumed, epoch ms; absent when it never was. */
  readonly resumedAt?: number;
  readonly lastFailures: readonly FailedItem[];
}

/** The state of a run that begins, or that was prepared and begins anew. */
export function startBatch(prepared: PreparedRun, models: ModelTable, now: number): BatchState {
  const { manifest, options } = prepared;
  const state: BatchState = {
    startedAt: now,
    options,
    manifest,
    nextChunk: 0,
    doneChunks: 0,
    unstarted: manifest.modalities,
    shares: { text: [], vision: [], audio: [] },
    models,
    latency: {},
    counts: NO_COUNTS,
    running: {},
    paused: false,
    lastFailures: [],
  };
  return planShares(state, now);
}

/** Divides what has not started among the models that are up, in proportion to their nodes. */
export function planShares(state: BatchState, now: number): BatchState {
  const shares = { text: [], vision: [], audio: [] } as Record<Modality, readonly ModelShare[]>;
  for (const modality of MODALITIES) {
    const up = weights(state.models, modality, now);
    shares[modality] = up.length === 0 ? [] : apportion(state.unstarted[modality], up);
  }
  return { ...state, shares };
}

/** Items of the run that are in no pack, as far as known. */
export function itemsLeft(state: BatchState): number {
  const open = Object.values(state.running).reduce((sum, chunk) => sum + chunk.open, 0);
  return open + MODALITIES.reduce((sum, modality) => sum + state.unstarted[modality], 0);
}

/** The items that a lane should get with a pack, by what is left of the run now. */
export function currentPackSize(state: BatchState): number {
  const times = Object.values(state.latency);
  const latencyMs = times.length === 0 ? undefined : times.reduce((sum, time) => sum + time, 0) / times.length;
  const { concurrency, pack, widePacks } = state.options;
  return packSize({ left: itemsLeft(state), concurrency, latencyMs, fixed: pack, wide: widePacks });
}

/** What to do with the free lanes now. `next` are the chunks that could start; none when the run is paused. */
export function planLanes(state: BatchState, next: readonly ChunkManifest[]): LaneGrants {
  if (state.paused) return { grants: [], starts: [] };
  const soon = next.slice(0, START_AHEAD);
  const running = Object.entries(state.running);
  const size = sizeForLanes(state, running.length + soon.length);
  const { concurrency, pack: fixed, widePacks: wide } = state.options;
  const most = PACKS_OF_A_CHUNK * packWidth({ concurrency, fixed, wide });
  return grantLanes({
    concurrency,
    started: running.map(([chunk, { granted, returned, inFlight, open }]) => {
      const held = granted - returned;
      const wanted = Math.min(inFlight + Math.ceil(open / size), most);
      return { chunk: Number(chunk), held, waiting: Math.max(0, wanted - held) };
    }),
    unstarted: soon.map((chunk) => Math.max(1, Math.min(Math.ceil(countItemsToAsk(chunk) / size), most))),
  });
}

/** Items that a lane should get, but no more than let so many chunks use all lanes: not any number can be started. */
function sizeForLanes(state: BatchState, chunks: number): number {
  const { items, chunks: all } = state.manifest;
  const most = Math.floor((items * chunks) / (Math.max(all, 1) * state.options.concurrency));
  return Math.max(1, Math.min(currentPackSize(state), most));
}

function countItemsToAsk(chunk: ChunkManifest): number {
  const { text, vision, audio } = countLayout(chunk.layout);
  return text + vision + audio;
}

/** Starts the next chunk with some lanes. Returns what it gets of each model. */
export function startNextChunk(
  state: BatchState,
  chunk: ChunkManifest,
  lanes: number,
): { readonly state: BatchState; readonly shares: Record<Modality, readonly ModelShare[]> } {
  const counts = countLayout(chunk.layout);
  const taken = { text: [], vision: [], audio: [] } as Record<Modality, readonly ModelShare[]>;
  const left = { ...state.shares };
  const unstarted = { ...state.unstarted };
  for (const modality of MODALITIES) {
    unstarted[modality] -= counts[modality];
    if (state.shares[modality].length === 0) continue;
    const shares = takeShares(counts[modality], state.shares[modality]);
    taken[modality] = shares.taken.filter(({ items }) => items > 0);
    left[modality] = shares.left;
  }
  const running: RunningChunk = {
    granted: lanes,
    returned: 0,
    inFlight: 0,
    open: countItemsToAsk(chunk),
    counts: NO_COUNTS,
    toldSize: currentPackSize(state),
  };
  return {
    shares: taken,
    state: {
      ...state,
      nextChunk: state.nextChunk + 1,
      unstarted,
      shares: left,
      running: { ...state.running, [chunk.chunk]: running },
    },
  };
}

/** The state after more lanes for a running chunk. */
export function grantTo(state: BatchState, chunk: number, lanes: number): BatchState {
  return updateChunk(state, chunk, (running) => ({ ...running, granted: running.granted + lanes }));
}

/** Chunks that cut much larger packs than they should, since the run has less left than they know. */
export function outdatedChunks(state: BatchState): number[] {
  const size = currentPackSize(state);
  return Object.entries(state.running)
    .filter(([, { toldSize, open }]) => open > 0 && size * 1.5 < toldSize)
    .map(([chunk]) => Number(chunk));
}

/** What to tell a running chunk now, and the state in which it has been told. */
export function ordersFor(
  state: BatchState,
  chunk: number,
): { readonly orders: ChunkOrders; readonly state: BatchState } | undefined {
  const running = state.running[chunk];
  if (running === undefined) return undefined;
  const leftElsewhere = Math.max(0, itemsLeft(state) - running.open);
  const told = updateChunk(state, chunk, (known) => ({ ...known, toldSize: currentPackSize(state) }));
  const orders = { granted: running.granted, leftElsewhere, paused: state.paused };
  return { orders, state: told };
}

/** The state after a chunk's report. The table is the same object when the report says nothing new of the models. */
export function hearReport(state: BatchState, report: ChunkReport): BatchState {
  if (state.running[report.chunk] === undefined) return state;
  const { returned, inFlight, open, counts, stranded } = report;
  const heard = updateChunk(state, report.chunk, ({ stranded: _before, ...running }) => ({
    ...running,
    returned: Math.max(running.returned, returned),
    inFlight,
    open,
    counts,
    ...(stranded === undefined ? {} : { stranded }),
  }));
  const models = report.models === undefined ? state.models : mergeModels(state.models, report.models);
  return {
    ...heard,
    latency: { ...state.latency, ...report.latency },
    models: sameModels(models, state.models) ? state.models : models,
    lastFailures: newestFailures(state.lastFailures, report.lastFailures),
  };
}

function newestFailures(known: readonly FailedItem[], reported: readonly FailedItem[]): readonly FailedItem[] {
  const items = new Set(known.map(({ item }) => item));
  return [...known, ...reported.filter(({ item }) => !items.has(item))].slice(-LAST_FAILURES);
}

/** The state after a chunk ended: its lanes are free, its counts are the run's. */
export function endChunk(state: BatchState, chunk: number, counts: Counts): BatchState {
  const { [chunk]: _ended, ...running } = state.running;
  return { ...state, running, doneChunks: state.doneChunks + 1, counts: addCounts(state.counts, counts) };
}

/** All that is counted so far, running chunks included. */
export function totalCounts(state: BatchState): Counts {
  const total = Object.values(state.running).reduce((sum, { counts }) => addCounts(sum, counts), state.counts);
  // A model that was not asked yet is shown too.
  return state.models.reduce((counts, { id }) => countModel(counts, id, {}), total);
}

function updateChunk(state: BatchState, chunk: number, change: (running: RunningChunk) => RunningChunk): BatchState {
  const running = state.running[chunk];
  if (running === undefined) return state;
  return { ...state, running: { ...state.running, [chunk]: change(running) } };
}
