import { type BatchState, totalCounts, updateChunk } from './batch-state.js';
import { affordableTokens, dollarsOf, dollarText, nanoOf } from './cost.js';
import { spentCost, spentTokens } from './counts.js';
import { spentCredits, tokensForCredits } from './credits.js';
import { priceOf } from './endpoint-rules.js';
import { MAX_COUNT, sumCounts } from './numbers.js';
import { isShort, itemTokens } from './permits.js';
import { shellWord } from './shell-word.js';

/** Tokens that the run may have spent at the most by now; undefined without a limit. */
export function tokenLimit(state: BatchState): number | undefined {
  const { maxTotalTokens, maxCredits, concurrency } = state.options;
  const byCredits =
    maxCredits === undefined || state.credits === undefined
      ? undefined
      : tokensForCredits(state.credits, maxCredits, concurrency * itemTokens(state));
  const limits = [maxTotalTokens, byCredits, tokensForCost(state)].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits, MAX_COUNT);
}

/**
 * Tokens that a run with `maxCost` may have spent by now: those that it has, and what the money left buys at the dearest price of
 * any target. So it may spend less than it is allowed now, and more when it is seen what the tokens have cost.
 */
function tokensForCost(state: BatchState): number | undefined {
  const { maxCost, endpoints = [] } = state.options;
  if (maxCost === undefined) return undefined;
  const counts = totalCounts(state);
  const prices = state.targets.map(({ id }) => priceOf(endpoints, id)).filter((price) => price !== undefined);
  const tokens = affordableTokens(nanoOf(maxCost) - (spentCost(counts) ?? 0), prices);
  // What does not buy an item buys nothing.
  return sumCounts(spentTokens(counts), tokens < itemTokens(state) ? 0 : tokens);
}

/** Tokens that no chunk has been allowed to spend yet; undefined without a limit. Not below 0. */
export function freeTokens(state: BatchState): number | undefined {
  const limit = tokenLimit(state);
  if (limit === undefined) return undefined;
  const running = Object.values(state.running).reduce(
    (sum, { allowance = 0, report }) => sum + Math.max(allowance, spentTokens(report.counts)),
    0,
  );
  const yielded = state.yielded.reduce((sum, chunk) => sum + spentTokens(chunk.state.counts), 0);
  return Math.max(0, limit - spentTokens(state.counts) - yielded - running);
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
  for (const [chunk, known] of running) {
    const { allowance, report } = known;
    if (allowance !== undefined && !isShort(known)) continue;
    const more = slice(next, running.length);
    if (more === 0 && allowance !== undefined) continue;
    const granted = sumCounts(Math.max(allowance ?? 0, spentTokens(report.counts)), more);
    next = updateChunk(next, Number(chunk), (before) => ({ ...before, allowance: granted }));
    chunks.push(Number(chunk));
  }
  return { state: next, chunks };
}

/** The state in which no chunk may spend more than it has, as far as known: the limit is another now. */
export function recallAllowances(state: BatchState): BatchState {
  return Object.keys(state.running).reduce(
    (next, chunk) => updateChunk(next, Number(chunk), ({ allowance: _none, ...running }) => running),
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
    next = updateChunk(next, chunk, ({ allowance: _none, ...running }) => running);
  }
  return { state: next, chunks };
}

/** True when nothing more can be asked within the limit: all that was allowed is spent, and nothing is under way. */
export function isExhausted(state: BatchState): boolean {
  if (freeTokens(state) !== 0) return false;
  const running = Object.values(state.running);
  if (running.length === 0) return state.nextChunk < state.manifest.chunks;
  return running.every((chunk) => chunk.report.inFlight === 0 && (isShort(chunk) || isOverLimit(state)));
}

/** Returns true if the run has spent what it may: a chunk that was allowed more before this was known gets no permits. */
export function isOverLimit(state: BatchState): boolean {
  const limit = tokenLimit(state);
  return limit !== undefined && spentTokens(totalCounts(state)) >= limit;
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
    return `${spent} of ${maxTotalTokens} tokens are spent; to go on: dria-temporal set ${shellWord(run)} --max-total-tokens <more>`;
  }
  const { maxCost } = state.options;
  if (maxCost !== undefined) {
    const cost = dollarText(dollarsOf(spentCost(totalCounts(state)) ?? 0));
    return `${cost} of ${dollarText(maxCost)} are spent, and the rest may not buy another item; to go on: dria-temporal set ${shellWord(run)} --max-cost <more>`;
  }
  const credits = state.credits === undefined ? 0 : Math.round(spentCredits(state.credits) * 100) / 100;
  return `${credits} of ${maxCredits} credits are spent; to go on: dria-temporal set ${shellWord(run)} --max-credits <more>`;
}
