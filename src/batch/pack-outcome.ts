import { addFailures, type ChunkState, type RunStop } from './chunk-state.js';
import { type Counts, countModel } from './counts.js';
import { decodeItems } from './item-ranges.js';
import { addLatencies } from './latency.js';
import { markDown, markRefused, markUp, servesModality } from './model-table.js';
import { own } from './own.js';
import type { WorkflowOptions } from './run.js';
import { type FailedItem, type FailureType, isRetryable, type PackProgress, type UnfinishedItem } from './work.js';
import { forNextModel, type Pack, type Queue } from './work-queue.js';

/** Wait before an item's first retry, ms; doubled with every further attempt. */
export const FIRST_RETRY_MS = 1000;

/** Longest wait between two attempts, ms. */
export const MAX_RETRY_MS = 60_000;

/** Setbacks (lost worker, rate limit) that an item is given before it fails after all: nothing is retried for ever. */
const MAX_SETBACKS = 20;

/** How much the newest pack says about a model's answer time. */
const LATENCY_WEIGHT = 0.3;

/** The state after a pack that came back: answers counted, items that failed sorted into tried again and ended. */
export function finishPack(
  state: ChunkState,
  pack: Pack,
  progress: PackProgress,
  options: WorkflowOptions,
  now: number,
): ChunkState {
  const counted = countProgress(state, pack, progress, now);
  const settled = progress.unfinished.reduce(
    (next, unfinished) => settleItem(next, pack, unfinished, options, now),
    counted,
  );
  return requeue(settled, { ...pack, items: decodeItems(progress.remaining), takeOver: [] });
}

/** The state after a 503 or a refusal ended a pack: the model is not asked for a while, its items go to the next. */
export function leaveModel(
  state: ChunkState,
  pack: Pack,
  progress: PackProgress,
  failure: { readonly type: FailureType; readonly message: string },
  options: WorkflowOptions,
  now: number,
): ChunkState {
  const models =
    failure.type === 'ModalityRefused'
      ? markRefused(state.models, pack.model, pack.modality)
      : markDown(state.models, pack.model, now);
  const settled = finishPack({ ...state, models }, pack, { ...progress, remaining: '' }, options, now);
  const given = { ...countAttempts(pack, progress), items: decodeItems(progress.remaining), takeOver: [] };
  const counts = countModel(settled.counts, pack.model, { fallbacks: given.items.length });
  return passOn({ ...settled, counts }, given, failure, options, now);
}

function passOn(
  state: ChunkState,
  given: Pack,
  failure: { readonly type: FailureType; readonly message: string },
  options: WorkflowOptions,
  now: number,
): ChunkState {
  if (given.items.length === 0) return state;
  const tried = [...given.tried, given.model];
  const next = forNextModel(given, state.models, now);
  // A model that is only down for now is worth waiting for.
  const refusedByAll = failure.type === 'ModalityRefused' && !servesModality(state.models, given.modality);
  const turns = (options.retries + 1) * Math.max(state.models.length, 1);
  if (refusedByAll || tried.length > turns) {
    return addFailures(state, failAll(given, failure.message));
  }
  if (next !== undefined) return requeue(state, next);
  const { modality, items, attempts, takeOver } = given;
  return { ...state, stranded: [...state.stranded, { modality, items, tried, attempts, takeOver }] };
}

/**
 * The pack with the failed attempts of an item alone that its activity made before it was ended by what is no attempt
 * (503, 401, 402): wherever the item goes next, it has that many fewer left.
 */
function countAttempts(pack: Pack, { requests }: PackProgress): Pack {
  if (pack.items.length !== 1) return pack;
  return { ...pack, attempts: pack.attempts + Math.max(0, requests - 1) };
}

/** The state after a failure that concerns the whole run: the pack's items wait where they were. */
export function holdPack(
  state: ChunkState,
  pack: Pack,
  progress: PackProgress,
  stop: RunStop,
  options: WorkflowOptions,
  now: number,
): ChunkState {
  return { ...finishPack(state, countAttempts(pack, progress), progress, options, now), paused: true, stop };
}

/** The state after an item alone has used up its attempts. */
export function failAlone(
  state: ChunkState,
  pack: Pack,
  progress: PackProgress,
  failure: { readonly type: FailureType; readonly message: string },
  now: number,
): ChunkState {
  const counted = countProgress(state, pack, progress, now);
  if (failure.type === 'RateLimited' && pack.setbacks < MAX_SETBACKS) {
    const alone = { notBefore: now + FIRST_RETRY_MS };
    return requeue(counted, { ...pack, setbacks: pack.setbacks + 1, alone, takeOver: [] });
  }
  const asked = { ...pack, attempts: pack.attempts + progress.requests };
  return addFailures(counted, failAll(asked, failure.message));
}

/** The state after a pack was lost with its worker: its items go out again, and what it may have written is looked for. */
export function losePack(state: ChunkState, pack: Pack, segmentPrefix: string): ChunkState {
  if (pack.setbacks >= MAX_SETBACKS) return addFailures(state, failAll(pack, 'timeout: the worker was lost too often'));
  return withdrawPack(state, { ...pack, setbacks: pack.setbacks + 1 }, segmentPrefix);
}

/** The state after a pack was taken back before it said what it has done: as if it was lost, through no fault of its own. */
export function withdrawPack(state: ChunkState, pack: Pack, segmentPrefix: string): ChunkState {
  return requeue(state, { ...pack, takeOver: [...pack.takeOver, segmentPrefix] });
}

function countProgress(state: ChunkState, pack: Pack, progress: PackProgress, now: number): ChunkState {
  const answered = progress.ok > 0;
  const counts: Counts = {
    ...state.counts,
    ok: state.counts.ok + progress.ok,
    truncated: state.counts.truncated + progress.truncated,
    tokens: state.counts.tokens + progress.tokens,
    empty: state.counts.empty + progress.empty,
    wastedTokens: state.counts.wastedTokens + progress.wastedTokens,
    requests: state.counts.requests + progress.requests,
    retries: state.counts.retries + retriesIn(pack, progress),
    latency: addLatencies(state.counts.latency, progress.latency),
  };
  return {
    ...state,
    segments: [...state.segments, ...progress.segments],
    counts: countModel(counts, pack.model, { sent: progress.requests, ok: progress.ok, tokens: progress.tokens }),
    latency: moveLatency(state.latency, pack.model, progress.latencyMs),
    models: answered ? markUp(state.models, pack.model, now) : state.models,
    rounds: answered ? 0 : state.rounds,
  };
}

/** Requests of a pack that asked again: all of an item that has failed before, and all but the first of one alone. */
function retriesIn({ attempts, items }: Pack, { requests }: PackProgress): number {
  if (attempts > 0) return requests;
  return items.length === 1 ? Math.max(0, requests - 1) : 0;
}

function moveLatency(
  latency: Readonly<Record<string, number>>,
  model: string,
  latencyMs: number | undefined,
): Readonly<Record<string, number>> {
  if (latencyMs === undefined) return latency;
  const before = own(latency, model) ?? latencyMs;
  return { ...latency, [model]: Math.round(before + (latencyMs - before) * LATENCY_WEIGHT) };
}

function settleItem(
  state: ChunkState,
  pack: Pack,
  unfinished: UnfinishedItem,
  options: WorkflowOptions,
  now: number,
): ChunkState {
  const attempts = pack.attempts + 1;
  const limited = unfinished.type === 'RateLimited' && pack.setbacks < MAX_SETBACKS;
  if (!limited && (!isRetryable(unfinished.type) || attempts > options.retries)) {
    return addFailures(state, [failItem({ ...pack, attempts }, unfinished.item, unfinished.error)]);
  }
  const wait = unfinished.retryAfterMs ?? retryDelayMs(attempts);
  return requeue(state, {
    ...pack,
    items: [unfinished.item],
    size: 1,
    attempts: limited ? pack.attempts : attempts,
    setbacks: limited ? pack.setbacks + 1 : pack.setbacks,
    takeOver: [],
    alone: { notBefore: now + wait },
  });
}

/** Wait before the next attempt of an item that has had `attempts`, ms. */
export function retryDelayMs(attempts: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1), MAX_RETRY_MS);
}

function requeue(state: ChunkState, queue: Queue): ChunkState {
  if (queue.items.length === 0) return state;
  return { ...state, queues: [...state.queues, queue] };
}

function failAll(pack: Pack, error: string): FailedItem[] {
  return pack.items.map((item) => failItem(pack, item, error));
}

function failItem(pack: Pack, item: number, error: string): FailedItem {
  return { item, model: pack.model, error, attempts: pack.attempts, tried: [...pack.tried, pack.model] };
}
