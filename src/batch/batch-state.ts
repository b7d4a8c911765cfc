import type { ModelShare } from './allocation.js';
import type { CanaryState } from './canary.js';
import { addCounts, type Counts, countModel, NO_COUNTS } from './counts.js';
import type { CreditsSeen } from './credits.js';
import { countLayout } from './layout.js';
import type { ChunkManifest } from './manifest.js';
import { MODALITIES, type Modality, type ModalityCounts } from './modality.js';
import type { ModelTable } from './model-table.js';
import type { RateWindow } from './rates.js';
import type { ChunkReport } from './reports.js';
import type { ManifestFacts, PreparedRun, WorkflowOptions } from './run.js';
import { sharesOf, takeItems } from './shares.js';
import type { FailedItem } from './work.js';

/** A started chunk that has not ended, as the parent knows it. */
export interface RunningChunk {
  /** Lanes granted to it so far, of these asked back, and given back so far. */
  readonly granted: number;
  readonly recalled: number;
  readonly returned: number;
  readonly inFlight: number;
  readonly open: number;
  readonly counts: Counts;
  readonly stranded?: ChunkReport['stranded'];
  /** Tokens that it may spend in all; absent in a run without a limit. */
  readonly allowance?: number;
  /** It has said that its allowance is used up. */
  readonly isShort: boolean;
  /** Pack size that what the chunk last heard of the run leads to. */
  readonly toldSize: number;
}

/** Who or what paused a run: only what has paused it makes it go on by itself. */
export type PausedBy = 'operator' | 'credits' | 'budget' | 'canary';

/** The parent's whole state: one plain object, so that continuing as new is passing it on. */
export interface BatchState {
  /** Epoch ms. */
  readonly startedAt: number;
  readonly options: WorkflowOptions;
  /** Raised by each change of what is asked: of two messages the one with the higher number is the newer. */
  readonly revision: number;
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
  readonly pausedBy?: PausedBy;
  /** Why, in words. */
  readonly pausedFor?: string;
  /** When the run was last resumed, epoch ms; absent when it never was. */
  readonly resumedAt?: number;
  /** Present in a run with a canary. */
  readonly canary?: CanaryState;
  /** Present where the endpoint tells the account's balance. */
  readonly credits?: CreditsSeen;
  /** How far the run was lately; absent at its start. */
  readonly speed?: RateWindow;
  readonly lastFailures: readonly FailedItem[];
  /** This history has no room for one more chunk, and will have none: those that run end, then the run continues as new. */
  readonly isFull?: boolean;
}

/** What a run begins with beside what was prepared. */
export interface BatchStart {
  readonly models: ModelTable;
  readonly canary?: CanaryState;
  readonly credits?: CreditsSeen;
  /** Epoch ms. */
  readonly now: number;
}

/** The state of a run that begins, or that was prepared and begins anew. */
export function startBatch(
  { manifest, options }: PreparedRun,
  { models, canary, credits, now }: BatchStart,
): BatchState {
  const state: BatchState = {
    startedAt: now,
    options,
    revision: 0,
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
    ...(canary === undefined ? {} : { canary }),
    ...(credits === undefined ? {} : { credits }),
  };
  return planShares(state, now);
}

/** Divides what has not started among the models that are up, in proportion to their nodes. */
export function planShares(state: BatchState, now: number): BatchState {
  return { ...state, shares: sharesOf(state.unstarted, state.models, now) };
}

/**
 * Items of the run that are in no pack, as far as known. Before the run continues as new only those of the chunks that run
 * count: packs become short towards that end as they do towards the run's own, so that all lanes come to it together.
 */
export function itemsLeft({ running, unstarted, isFull = false }: BatchState): number {
  const open = Object.values(running).reduce((sum, chunk) => sum + chunk.open, 0);
  return isFull ? open : open + MODALITIES.reduce((sum, modality) => sum + unstarted[modality], 0);
}

/** A chunk that starts: with so many lanes, and what it may spend where the run has a limit. */
export interface ChunkBegin {
  readonly lanes: number;
  /** Items it will ask. */
  readonly open: number;
  readonly toldSize: number;
  readonly allowance?: number;
}

/** The state with one more running chunk. */
export function addRunning(
  state: BatchState,
  chunk: number,
  { lanes, open, toldSize, allowance }: ChunkBegin,
): BatchState {
  const running: RunningChunk = {
    granted: lanes,
    recalled: 0,
    returned: 0,
    inFlight: 0,
    open,
    counts: NO_COUNTS,
    isShort: false,
    toldSize,
    ...(allowance === undefined ? {} : { allowance }),
  };
  return { ...state, running: { ...state.running, [chunk]: running } };
}

/** The state in which the next chunk of the input has started. Returns what it gets of each model. */
export function startNextChunk(
  state: BatchState,
  chunk: ChunkManifest,
  begin: ChunkBegin,
): { readonly state: BatchState; readonly shares: Record<Modality, readonly ModelShare[]> } {
  const counts = countLayout(chunk.layout);
  const { taken, left } = takeItems(counts, state.shares);
  const unstarted = { ...state.unstarted };
  for (const modality of MODALITIES) unstarted[modality] -= counts[modality];
  const started = { ...state, nextChunk: state.nextChunk + 1, unstarted, shares: left };
  return { shares: taken, state: addRunning(started, chunk.chunk, begin) };
}

/** Items of a chunk that models are asked: all but the invalid ones. */
export function itemsToAsk(chunk: ChunkManifest): number {
  const { text, vision, audio } = countLayout(chunk.layout);
  return text + vision + audio;
}

/** The state after a chunk ended: its lanes are free, its counts are the run's. */
export function endChunk(state: BatchState, chunk: number, counts: Counts): BatchState {
  const { running, ...rest } = withoutRunning(state, chunk);
  return { ...rest, running, doneChunks: state.doneChunks + 1, counts: addCounts(state.counts, counts) };
}

/** The state without a running chunk. */
export function withoutRunning(state: BatchState, chunk: number): BatchState {
  const { [chunk]: _ended, ...running } = state.running;
  return { ...state, running };
}

/** All that is counted so far, running chunks and a canary's answers included. */
export function totalCounts(state: BatchState): Counts {
  const running = Object.values(state.running).map(({ counts }) => counts);
  const canary = Object.values(state.canary?.counts ?? {});
  const total = [...running, ...canary].reduce(addCounts, state.counts);
  // A model that was not asked yet is shown too.
  return state.models.reduce((counts, { id }) => countModel(counts, id, {}), total);
}

/** The state with one running chunk changed. */
export function updateChunk(
  state: BatchState,
  chunk: number,
  change: (running: RunningChunk) => RunningChunk,
): BatchState {
  const running = state.running[chunk];
  if (running === undefined) return state;
  return { ...state, running: { ...state.running, [chunk]: change(running) } };
}
