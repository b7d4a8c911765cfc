import { awayWait } from './away.js';
import { type BatchState, totalCounts } from './batch-state.js';
import { dollarsOf } from './cost.js';
import { type Counts, endsOf, linesOf, spentCost, spentTokens } from './counts.js';
import { spentCredits } from './credits.js';
import { endpointsOf } from './endpoint-progress.js';
import { splitTarget } from './endpoint-rules.js';
import { latencyPercentile } from './latency.js';
import { modalityOfModel } from './model-modality.js';
import { own } from './own.js';
import { heldPermits } from './permits.js';
import type { ModelProgress, Progress, RunState, Spending } from './progress.js';
import { look, modelRate, NO_WINDOW, ratesOf } from './rates.js';
import type { EndState, RunSummary } from './summary.js';

/** Samples of a run's speed that its state keeps are this far apart, ms. */
const SAMPLES_APART_MS = 2_000;

/** A run that has nothing yet. */
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
  permits: { total: 0, used: 0 },
  models: [],
  lastFailures: [],
};

/** Returns the progress of a run that waits for what it begins with. */
export function startingProgress(startedAt: number, waits: readonly string[]): Progress {
  const reason = waits.length === 0 ? {} : { reason: `waiting for ${waits.join(' and ')}` };
  return { ...NO_PROGRESS, ...reason, startedAt };
}

/** The run as the query `progress` gives it at `now`, epoch ms. */
export function progressOf(state: BatchState, phase: RunState, now: number): Progress {
  const counts = totalCounts(state);
  const waiting = waitOfRun(state);
  const reason = state.paused ? state.pausedFor : waiting?.text;
  const latency = latencyOf(counts);
  const models = modelsOf(state, counts, now);
  const endpoints = endpointsOf(models);
  const { manifest, paused, pausedBy, canary, options, notes, speed = NO_WINDOW } = state;
  return {
    state: currentState(state, phase, waiting !== undefined),
    ...(reason === undefined ? {} : { reason }),
    ...(paused && pausedBy !== undefined ? { pausedBy } : {}),
    ...(waiting === undefined || paused ? {} : { waiting }),
    ...(notes.length === 0 ? {} : { notes }),
    items: manifest.items,
    ...numbersOf(counts, manifest.reused),
    ...(latency === undefined ? {} : { latency }),
    rates: ratesOf(speed, manifest.items),
    spending: spendingOf(state, counts),
    ...(canary === undefined ? {} : { canary: { items: canary.items, phase: canary.phase } }),
    chunks: { total: manifest.chunks, started: startedChunks(state), done: state.doneChunks },
    permits: { total: options.concurrency, used: permitsUsed(state) },
    models,
    ...(endpoints.length === 0 ? {} : { endpoints }),
    startedAt: state.startedAt,
    lastFailures: state.lastFailures.map(({ item, target, error }) => ({ item, model: target, error })),
  };
}

type Numbers = Pick<Counts, 'ok' | 'failed' | 'skipped' | 'truncated' | 'empty' | 'tokens' | 'requests' | 'retries'> &
  Pick<Progress, 'filtered' | 'reused' | 'cachedTokens'>;

function numbersOf(counts: Counts, taken: number): Numbers {
  const { truncated, filtered, empty, tokens, cachedTokens, requests, retries } = counts;
  const { reused, ...ends } = endsOf(counts, taken);
  return {
    ...ends,
    ...{ truncated, empty, tokens, requests, retries },
    ...(filtered === 0 ? {} : { filtered }),
    ...(reused === 0 ? {} : { reused }),
    ...(cachedTokens === 0 ? {} : { cachedTokens }),
  };
}

function latencyOf({ latency }: Counts): Progress['latency'] {
  const p50Ms = latencyPercentile(latency, 0.5);
  const p95Ms = latencyPercentile(latency, 0.95);
  return p50Ms === undefined || p95Ms === undefined ? undefined : { p50Ms, p95Ms };
}

function spendingOf(state: BatchState, counts: Counts): Spending {
  const { maxTotalTokens, maxCredits, maxCost } = state.options;
  const cost = spentCost(counts);
  const credits = creditsNow(state);
  return {
    tokens: spentTokens(counts),
    ...(maxTotalTokens === undefined ? {} : { maxTotalTokens }),
    ...(credits === undefined ? {} : { credits }),
    ...(maxCredits === undefined ? {} : { maxCredits }),
    ...(cost === undefined ? {} : { costUsd: dollarsOf(cost) }),
    ...(maxCost === undefined ? {} : { maxCost }),
  };
}

/** Credits spent, where the balance is looked at often enough to say so: for a limit, and for the review of a canary. */
function creditsNow({ credits, canary, options }: BatchState): number | undefined {
  const isFresh = options.maxCredits !== undefined || canary?.phase === 'review';
  return credits !== undefined && credits.tokens > 0 && isFresh ? spentCredits(credits) : undefined;
}

function startedChunks({ nextChunk, canary }: BatchState): number {
  const early = canary === undefined ? 0 : canary.started.filter((chunk) => chunk >= nextChunk).length;
  return nextChunk + early;
}

/** Chunks of a paused run keep their permits; in use are those that still wait for an answer. */
function permitsUsed({ running, paused }: BatchState): number {
  return Object.values(running).reduce((sum, chunk) => sum + (paused ? chunk.report.inFlight : heldPermits(chunk)), 0);
}

/** Adds a sample of how far the run is, for its rates. */
export function sampleSpeed(state: BatchState, progress: Progress, now: number): BatchState {
  return { ...state, speed: look(state.speed ?? NO_WINDOW, progress, now, SAMPLES_APART_MS) };
}

function currentState(state: BatchState, phase: RunState, isWaiting: boolean): RunState {
  if (phase !== 'running') return phase;
  if (state.paused) return 'paused';
  return isWaiting ? 'waiting' : 'running';
}

/** The wait of a run in which no chunk can go on; undefined while one can. */
function waitOfRun(state: BatchState): Progress['waiting'] {
  const { running, away } = state;
  if (away !== undefined) return awayWait(state, away);
  const chunks = Object.values(running).map(({ report }) => report);
  const waits = chunks.flatMap(({ wait }) => (wait === undefined ? [] : [wait]));
  const [first] = waits;
  if (first === undefined || chunks.some(({ inFlight, ready }) => inFlight + ready > 0)) return undefined;
  const since = Math.min(...waits.map((wait) => wait.since));
  return { text: first.text, since, until: Math.min(...waits.map(({ until }) => until)) };
}

function modelsOf(state: BatchState, counts: Counts, now: number): ModelProgress[] {
  const known = new Set(state.targets.map(({ id }) => id));
  // Models that are no longer asked, since another was chosen, have done what they have done.
  const others = Object.keys(counts.models)
    .filter((id) => !known.has(id))
    .map((id) => ({ id, modality: modalityOfModel(id), nodes: 0, downUntil: 0, why: undefined }));
  return [...state.targets, ...others].map(({ id, modality, nodes, downUntil, why }) => {
    const { sent = 0, ok = 0, failed = 0, fallbacks = 0, tokens = 0, cost } = own(counts.models, id) ?? {};
    const endpoint = state.options.endpoints === undefined ? {} : { endpoint: splitTarget(id).endpoint };
    const paid = cost === undefined ? {} : { costUsd: dollarsOf(cost) };
    const rate = modelRate(state.speed ?? NO_WINDOW, id);
    const down = downUntil > now;
    const words = down && why !== undefined ? { why } : {};
    const figures = { id, modality, nodes, sent, ok, failed, fallbacks, tokens, ...endpoint, ...paid, down, ...words };
    return rate === undefined ? figures : { ...figures, tokensPerSecond: rate };
  });
}

/** The ledger of a run that has ended so; what has no line was cancelled. */
export function summaryOf(runId: string, state: BatchState, endState: EndState, endedAt: number): RunSummary {
  const counts = totalCounts(state);
  const models = modelsOf({ ...state, speed: NO_WINDOW }, counts, endedAt);
  const endpoints = endpointsOf(models);
  const cost = spentCost(counts);
  const latency = latencyOf(counts);
  const { items, reused } = state.manifest;
  const numbers = numbersOf(counts, reused);
  return {
    runId,
    state: endState,
    outcome: outcomeOf(items, numbers.ok),
    items,
    ...numbers,
    cancelled: endState === 'completed' ? 0 : Math.max(0, items - linesOf(numbers)),
    failedByKind: counts.failedByKind,
    wastedTokens: counts.wastedTokens,
    ...creditsOf(state, counts),
    ...(cost === undefined ? {} : { costUsd: dollarsOf(cost) }),
    ...(state.notes.length === 0 ? {} : { notes: [...state.notes] }),
    ...(latency === undefined ? {} : { latency }),
    fallbacks: models.reduce((sum, { fallbacks }) => sum + fallbacks, 0),
    startedAt: state.startedAt,
    endedAt,
    models,
    ...(endpoints.length === 0 ? {} : { endpoints }),
  };
}

function outcomeOf(items: number, ok: number): RunSummary['outcome'] {
  if (ok === 0) return 'none';
  return ok === items ? 'all' : 'some';
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
  const { latency, models, endpoints, startedAt, credits, costUsd, filtered, cachedTokens, reused, notes } = summary;
  return {
    ...NO_PROGRESS,
    ...{ state, items, ok, failed, skipped, truncated, empty, tokens, requests, retries, models, startedAt },
    ...(latency === undefined ? {} : { latency }),
    ...(filtered === undefined ? {} : { filtered }),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(reused === undefined ? {} : { reused }),
    ...(notes === undefined ? {} : { notes }),
    ...(endpoints === undefined ? {} : { endpoints }),
    spending: {
      tokens: tokens + wastedTokens,
      ...(credits === undefined ? {} : { credits: credits.spent }),
      ...(costUsd === undefined ? {} : { costUsd }),
    },
  };
}
