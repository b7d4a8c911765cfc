import { type BatchState, type RunningChunk, totalCounts } from './batch-state.js';
import { type Counts, linesOf, spentTokens } from './counts.js';
import { spentCredits } from './credits.js';
import { latencyPercentile } from './latency.js';
import { modalityOfModel } from './model-modality.js';
import { own } from './own.js';
import type { ModelProgress, Progress, RunState, Spending } from './progress.js';
import { look, modelRate, NO_WINDOW, ratesOf } from './rates.js';
import type { EndState, RunSummary } from './summary.js';

/** Samples of a run's speed that its state keeps are this far apart, ms. */
const SAMPLES_APART_MS = 2_000;

/** A run that is still reading its input. */
export const NO_PROGRESS: Omit<Progress, 'startedAt'> = {
  state: 'starting',
  items: 0,
  ok: 0,
  failed: 0,
  skipped: 0,
  truncated: 0,
  empty: 0,
  tokens: 0,
  requests: 0,
  retries: 0,
  rates: {},
  spending: { tokens: 0 },
  chunks: { total: 0, started: 0, done: 0 },
  lanes: { total: 0, used: 0 },
  models: [],
  lastFailures: [],
};

/** The run as the query `progress` gives it at `now`, epoch ms. */
export function progressOf(state: BatchState, phase: RunState, now: number): Progress {
  const counts = totalCounts(state);
  const waiting = waitingFor(state);
  const reason = state.paused ? state.pausedFor : waiting;
  const latency = latencyOf(counts);
  const { manifest, paused, pausedBy, canary, options, speed = NO_WINDOW } = state;
  return {
    state: currentState(state, phase, waiting),
    ...(reason === undefined ? {} : { reason }),
    ...(paused && pausedBy !== undefined ? { pausedBy } : {}),
    items: manifest.items,
    ...numbersOf(counts),
    ...(latency === undefined ? {} : { latency }),
    rates: ratesOf(speed, manifest.items),
    spending: spendingOf(state, counts),
    ...(canary === undefined ? {} : { canary: { items: canary.items, phase: canary.phase } }),
    chunks: { total: manifest.chunks, started: state.nextChunk, done: state.doneChunks },
    lanes: { total: options.concurrency, used: lanesUsed(state) },
    models: modelsOf(state, counts, now),
    startedAt: state.startedAt,
    lastFailures: state.lastFailures.map(({ item, model, error }) => ({ item, model, error })),
  };
}

type Numbers = Pick<Counts, 'ok' | 'failed' | 'skipped' | 'truncated' | 'empty' | 'tokens' | 'requests' | 'retries'>;

function numbersOf({ ok, failed, skipped, truncated, empty, tokens, requests, retries }: Counts): Numbers {
  return { ok, failed, skipped, truncated, empty, tokens, requests, retries };
}

function latencyOf({ latency }: Counts): Progress['latency'] {
  const p50Ms = latencyPercentile(latency, 0.5);
  const p95Ms = latencyPercentile(latency, 0.95);
  return p50Ms === undefined || p95Ms === undefined ? undefined : { p50Ms, p95Ms };
}

function spendingOf(state: BatchState, counts: Counts): Spending {
  const { maxTotalTokens, maxCredits } = state.options;
  const credits = creditsNow(state);
  return {
    tokens: spentTokens(counts),
    ...(maxTotalTokens === undefined ? {} : { maxTotalTokens }),
    ...(credits === undefined ? {} : { credits }),
    ...(maxCredits === undefined ? {} : { maxCredits }),
  };
}

/** Credits spent, where the balance is looked at often enough to say so: for a limit, and for the review of a canary. */
function creditsNow({ credits, canary, options }: BatchState): number | undefined {
  const isFresh = options.maxCredits !== undefined || canary?.phase === 'review';
  return credits !== undefined && credits.tokens > 0 && isFresh ? spentCredits(credits) : undefined;
}

/** Chunks of a paused run keep their lanes, to go on with them; in use are those that still wait for an answer. */
function lanesUsed({ running, paused }: BatchState): number {
  const used = ({ granted, returned, inFlight }: RunningChunk): number => (paused ? inFlight : granted - returned);
  return Object.values(running).reduce((sum, chunk) => sum + used(chunk), 0);
}

/** The state with one more look at how far the run is, for its rates. */
export function lookAtSpeed(state: BatchState, progress: Progress, now: number): BatchState {
  return { ...state, speed: look(state.speed ?? NO_WINDOW, progress, now, SAMPLES_APART_MS) };
}

function currentState(state: BatchState, phase: RunState, waiting: string | undefined): RunState {
  if (phase !== 'running') return phase;
  if (state.paused) return 'paused';
  return waiting === undefined ? 'running' : 'waiting';
}

/** Why nothing goes on, in words; undefined while some chunk can go on. */
function waitingFor(state: BatchState): string | undefined {
  const running = Object.values(state.running);
  const stuck = running.flatMap(({ stranded }) => (stranded === undefined ? [] : [stranded]));
  if (stuck.length === 0 || running.some(({ inFlight, open }) => inFlight + open > 0)) return undefined;
  const modalities = [...new Set(stuck.flatMap((entry) => entry.modalities))].join(' and ');
  const lookAt = Math.min(...stuck.map((entry) => entry.lookAt));
  return `no model takes ${modalities} now; next look at ${new Date(lookAt).toISOString().slice(11, 19)} UTC`;
}

function modelsOf(state: BatchState, counts: Counts, now: number): ModelProgress[] {
  const known = new Set(state.models.map(({ id }) => id));
  // Models that are no longer asked, since another was chosen, have done what they have done.
  const others = Object.keys(counts.models)
    .filter((id) => !known.has(id))
    .map((id) => ({ id, modality: modalityOfModel(id), nodes: 0, downUntil: 0 }));
  return [...state.models, ...others].map(({ id, modality, nodes, downUntil }) => {
    const { sent = 0, ok = 0, failed = 0, fallbacks = 0, tokens = 0 } = own(counts.models, id) ?? {};
    const rate = modelRate(state.speed ?? NO_WINDOW, id);
    const down = downUntil > now;
    const figures = { id, modality, nodes, sent, ok, failed, fallbacks, tokens, down };
    return rate === undefined ? figures : { ...figures, tokensPerSecond: rate };
  });
}

/** The ledger of a run that has ended so; what has no line was cancelled. */
export function summaryOf(runId: string, state: BatchState, endState: EndState, endedAt: number): RunSummary {
  const counts = totalCounts(state);
  const models = modelsOf({ ...state, speed: NO_WINDOW }, counts, endedAt);
  const latency = latencyOf(counts);
  const { items } = state.manifest;
  return {
    runId,
    state: endState,
    items,
    ...numbersOf(counts),
    cancelled: endState === 'completed' ? 0 : Math.max(0, items - linesOf(counts)),
    failedByKind: counts.failedByKind,
    wastedTokens: counts.wastedTokens,
    ...creditsOf(state, counts),
    ...(latency === undefined ? {} : { latency }),
    fallbacks: models.reduce((sum, { fallbacks }) => sum + fallbacks, 0),
    startedAt: state.startedAt,
    endedAt,
    models,
  };
}

function creditsOf({ credits }: BatchState, counts: Counts): Pick<RunSummary, 'credits'> {
  if (credits === undefined) return {};
  const spent = spentCredits(credits);
  const tokens = spentTokens(counts);
  return { credits: { spent, wasted: tokens === 0 ? 0 : (spent * counts.wastedTokens) / tokens } };
}

/** The progress of a run of which only the summary is left. */
export function progressOfSummary(summary: RunSummary): Progress {
  const { state, items, ok, failed, skipped, truncated, empty, tokens, wastedTokens, requests, retries } = summary;
  const { latency, models, startedAt, credits } = summary;
  return {
    ...NO_PROGRESS,
    ...{ state, items, ok, failed, skipped, truncated, empty, tokens, requests, retries, models, startedAt },
    ...(latency === undefined ? {} : { latency }),
    spending: { tokens: tokens + wastedTokens, ...(credits === undefined ? {} : { credits: credits.spent }) },
  };
}
