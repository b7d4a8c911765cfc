import type { ItemFailure } from './activity-contract.js';
import type { CanaryState } from './canary.js';
import type { ChunkReport, ChunkResult } from './chunk-messages.js';
import type { ChunkState } from './chunk-state.js';
import { addCounts, type Counts, countModel, NO_COUNTS } from './counts.js';
import type { CreditsSeen } from './credits.js';
import type { ChunkManifest } from './manifest.js';
import { type ModalityCounts, noModalityCounts } from './modality.js';
import type { WorkflowOptions } from './options.js';
import type { PausedBy } from './progress.js';
import type { RateWindow } from './rates.js';
import type { ManifestFacts, PreparedRun } from './run.js';
import { adoptTargets, type Targets } from './targets.js';

/** A chunk that has started and not ended, as its parent knows it. */
export interface RunningChunk {
  readonly manifest: ChunkManifest;
  /** Items of the run before it, by modality. */
  readonly offset: ModalityCounts;
  /** Permits granted so far. */
  readonly granted: number;
  /** Tokens that it may spend in all; absent without a limit. */
  readonly allowance?: number;
  /** Its newest report; at its start, what the parent expects. */
  readonly report: Omit<ChunkReport, 'chunk' | 'targets'>;
}

/** A chunk that yielded so that its parent could continue as new; it goes on before new ones start. */
interface YieldedChunk {
  readonly manifest: ChunkManifest;
  readonly offset: ModalityCounts;
  readonly state: ChunkState;
}

/** An endpoint that has not given yet what a run needs before its first request. */
export interface Away {
  /** The endpoint's words, or the network's. */
  readonly text: string;
  /** Epoch ms. */
  readonly since: number;
  /** When it is asked again, epoch ms. */
  readonly until: number;
  /** Times that it was asked again in vain. */
  readonly tries: number;
}

/** The parent's whole state: one plain object, so that continuing as new is passing it on. */
export interface BatchState {
  /** Epoch ms. */
  readonly startedAt: number;
  readonly options: WorkflowOptions;
  /** Raised by each change of how items are asked. */
  readonly revision: number;
  readonly manifest: ManifestFacts;
  /** Number of the next chunk to start. */
  readonly nextChunk: number;
  readonly doneChunks: number;
  /** Items of the chunks before the next one, by modality. */
  readonly offset: ModalityCounts;
  readonly targets: Targets;
  /** Counts of the chunks that have ended. */
  readonly counts: Counts;
  readonly running: Readonly<Record<number, RunningChunk>>;
  readonly yielded: readonly YieldedChunk[];
  /** Present while the endpoint has not given yet what the run needs before its first request. */
  readonly away?: Away;
  readonly paused: boolean;
  readonly pausedBy?: PausedBy;
  /** The reason, and what to do. */
  readonly pausedFor?: string;
  /** When the pause began, epoch ms. */
  readonly pausedAt?: number;
  /** When the run was last resumed, epoch ms; absent if it never was. */
  readonly resumedAt?: number;
  /** Present in a run with a canary. */
  readonly canary?: CanaryState;
  /** Present if the endpoint has a balance. */
  readonly credits?: CreditsSeen;
  readonly speed?: RateWindow;
  readonly lastFailures: readonly ItemFailure[];
  readonly notes: readonly string[];
  /** This history is full: the chunks yield, then the run continues as new. */
  readonly isFull?: boolean;
  /** Build id of the workers that the run last left for newer ones. */
  readonly movedFrom?: string;
}

/** What a run begins with beside what was prepared. */
export interface BatchStart {
  /** None while the endpoint has not listed its models. */
  readonly targets: Targets;
  readonly canary?: CanaryState;
  readonly notes?: readonly string[];
  /** Epoch ms. */
  readonly now: number;
}

/** Returns the state of a run that begins. */
export function startBatch(
  { manifest, options }: Pick<PreparedRun, 'manifest' | 'options'>,
  { targets, canary, notes = [], now }: BatchStart,
): BatchState {
  return {
    startedAt: now,
    options,
    revision: 0,
    manifest,
    nextChunk: 0,
    doneChunks: 0,
    offset: noModalityCounts(),
    targets,
    counts: NO_COUNTS,
    running: {},
    yielded: [],
    paused: false,
    lastFailures: [],
    notes,
    ...(canary === undefined ? {} : { canary }),
  };
}

/** A chunk that starts or goes on. */
export interface StartedChunk {
  readonly manifest: ChunkManifest;
  readonly offset: ModalityCounts;
  readonly permits: number;
  /** Items in no pack. */
  readonly open: number;
  readonly allowance?: number | undefined;
}

/** Adds a running chunk. */
export function addRunning(state: BatchState, started: StartedChunk, counts: Counts = NO_COUNTS): BatchState {
  const { manifest, offset, permits, open, allowance } = started;
  const running: RunningChunk = {
    manifest,
    offset,
    granted: permits,
    ...(allowance === undefined ? {} : { allowance }),
    report: {
      revision: state.revision,
      returned: 0,
      inFlight: 0,
      open,
      ready: open,
      counts,
      lastFailures: [],
      notes: [],
    },
  };
  return { ...state, running: { ...state.running, [manifest.chunk]: running } };
}

/** Applies a chunk's report. Reports of an older revision say nothing of permits and targets now. */
export function applyReport(state: BatchState, report: ChunkReport): BatchState {
  const { chunk, targets, ...rest } = report;
  const running = state.running[chunk];
  if (running === undefined) return state;
  return {
    ...withNews(state, report),
    running: { ...state.running, [chunk]: { ...running, report: rest } },
    targets: report.revision === state.revision ? adoptTargets(targets, state.targets) : state.targets,
  };
}

/** Adds newest failures and notes to those of a run. */
export function withNews(
  state: BatchState,
  { lastFailures, notes }: Pick<ChunkReport, 'lastFailures' | 'notes'>,
): BatchState {
  const failures = lastFailures.filter(({ item }) => state.lastFailures.every((known) => known.item !== item));
  const fresh = notes.filter((note) => !state.notes.includes(note));
  return {
    ...state,
    lastFailures: failures.length === 0 ? state.lastFailures : [...state.lastFailures, ...failures].slice(-5),
    notes: fresh.length === 0 ? state.notes : [...state.notes, ...fresh].slice(-20),
  };
}

/** Applies the end of a chunk: its permits are free, and its counts are the run's, or it waits to go on. */
export function endChunk(state: BatchState, chunk: number, { counts, unfinished, news }: ChunkResult): BatchState {
  const { [chunk]: ended, ...running } = state.running;
  if (ended === undefined) return state;
  const told = news === undefined ? state : withNews(state, news);
  if (unfinished === undefined) {
    return { ...told, running, doneChunks: state.doneChunks + 1, counts: addCounts(state.counts, counts) };
  }
  const { manifest, offset } = ended;
  return { ...told, running, yielded: [...state.yielded, { manifest, offset, state: unfinished }] };
}

/** Counts the whole run so far, running and yielded chunks included. */
export function totalCounts(state: BatchState): Counts {
  const running = Object.values(state.running).map(({ report }) => report.counts);
  const yielded = state.yielded.map((chunk) => chunk.state.counts);
  const total = [...running, ...yielded].reduce(addCounts, state.counts);
  // A target that was not asked yet is shown too.
  return state.targets.reduce((counts, { id }) => countModel(counts, id, {}), total);
}

/** Changes one running chunk. */
export function updateChunk(
  state: BatchState,
  chunk: number,
  change: (running: RunningChunk) => RunningChunk,
): BatchState {
  const running = state.running[chunk];
  if (running === undefined) return state;
  return { ...state, running: { ...state.running, [chunk]: change(running) } };
}
