import { type BatchState, totalCounts, updateChunk } from './batch-state.js';
import { spentTokens, tokensPerItem } from './counts.js';
import { spentCredits, tokensForCredits } from './credits.js';

/** Tokens of an item while none has been answered: a guess, since what bounds the spending is not it but the allowance. */
const FIRST_GUESS = 300;

/** What an item costs, whole tokens: as seen so far, else a guess. At least 1. */
export function itemTokens(state: BatchState): number {
  return Math.ceil(tokensPerItem(totalCounts(state), Math.min(FIRST_GUESS, state.options.maxTokens)));
}

/** Tokens that the run may have spent at the most by now; undefined without a limit. */
export function tokenLimit(state: BatchState): number | undefined {
  const { maxTotalTokens, maxCredits, concurrency } = state.options;
  const byCredits =
    maxCredits === undefined || state.credits === undefined
      ? undefined
      : tokensForCredits(state.credits, maxCredits, concurrency * itemTokens(state));
  const limits = [maxTotalTokens, byCredits].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** Tokens that no chunk has been allowed to spend yet; undefined without a limit. Not below 0. */
export function freeTokens(state: BatchState): number | undefined {
  const limit = tokenLimit(state);
  if (limit === undefined) return undefined;
  const canary = Object.values(state.canary?.counts ?? {}).reduce((sum, counts) => sum + spentTokens(counts), 0);
  const running = Object.values(state.running).reduce(
    (sum, { allowance = 0, counts }) => sum + Math.max(allowance, spentTokens(counts)),
    0,
  );
  return Math.max(0, limit - spentTokens(state.counts) - canary - running);
}

/**
 * What a chunk is allowed next: its part of half of what is free, so that no chunk sits on what another could use, and
 * at least an item's worth. 0 when nothing is free.
 */
function slice(state: BatchState, chunks: number): number {
  const free = freeTokens(state) ?? 0;
  return Math.min(free, Math.max(Math.ceil(free / (2 * chunks)), itemTokens(state)));
}

/** What a chunk that starts now may spend; undefined without a limit. */
export function firstAllowance(state: BatchState): number | undefined {
  if (tokenLimit(state) === undefined) return undefined;
  return slice(state, Object.keys(state.running).length + 1);
}

/** Allows more to the chunks that have used up what they may spend. Returns those that must be told. */
export function grantAllowances(state: BatchState): { readonly state: BatchState; readonly chunks: readonly number[] } {
  if (tokenLimit(state) === undefined) return liftAllowances(state);
  const running = Object.entries(state.running);
  const chunks: number[] = [];
  let next = state;
  for (const [chunk, { counts, allowance, isShort }] of running) {
    if (allowance !== undefined && !isShort) continue;
    const more = slice(next, running.length);
    if (more === 0 && allowance !== undefined) continue;
    const granted = Math.max(allowance ?? 0, spentTokens(counts)) + more;
    next = updateChunk(next, Number(chunk), (known) => ({ ...known, allowance: granted, isShort: false }));
    chunks.push(Number(chunk));
  }
  return { state: next, chunks };
}

/** The state in which no chunk may spend more than it has, as far as known: the limit is another now. */
export function recallAllowances(state: BatchState): BatchState {
  return Object.keys(state.running).reduce(
    (next, chunk) =>
      updateChunk(next, Number(chunk), ({ allowance: _none, ...running }) => ({ ...running, isShort: false })),
    state,
  );
}

/** The state of a run whose limit was taken away. */
function liftAllowances(state: BatchState): { readonly state: BatchState; readonly chunks: readonly number[] } {
  const chunks = Object.entries(state.running)
    .filter(([, { allowance }]) => allowance !== undefined)
    .map(([chunk]) => Number(chunk));
  let next = state;
  for (const chunk of chunks) {
    next = updateChunk(next, chunk, ({ allowance: _none, ...running }) => ({ ...running, isShort: false }));
  }
  return { state: next, chunks };
}

/** True when nothing more can be asked within the limit: all that was allowed is spent, and nothing is under way. */
export function isExhausted(state: BatchState): boolean {
  if (freeTokens(state) !== 0) return false;
  const running = Object.values(state.running);
  if (running.length === 0) return state.nextChunk < state.manifest.chunks;
  return running.every(({ isShort, inFlight }) => isShort && inFlight === 0);
}

/** True when the balance should be looked at: a run with a limit in credits is half way to where it must be. */
export function wantsBalance(state: BatchState): boolean {
  const { credits, options } = state;
  const limit = tokenLimit(state);
  if (credits === undefined || options.maxCredits === undefined || limit === undefined) return false;
  const spent = spentTokens(totalCounts(state));
  if (isExhausted(state)) return spent > credits.tokens;
  return spent - credits.tokens >= Math.max(1, (limit - credits.tokens) / 2);
}

/** Why a run with nothing left to spend is paused, and the way out, in words. */
export function exhaustedReason(run: string, state: BatchState): string {
  const { maxTotalTokens, maxCredits } = state.options;
  const spent = spentTokens(totalCounts(state));
  if (maxTotalTokens !== undefined && spent >= maxTotalTokens) {
    return `${spent} of ${maxTotalTokens} tokens are spent; to go on: dria-temporal set ${run} --max-total-tokens <more>`;
  }
  const credits = state.credits === undefined ? 0 : Math.round(spentCredits(state.credits) * 100) / 100;
  return `${credits} of ${maxCredits} credits are spent; to go on: dria-temporal set ${run} --max-credits <more>`;
}
