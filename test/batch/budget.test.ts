import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyReport, type BatchState, endChunk } from '../../src/batch/batch-state.js';
import {
  exhaustedReason,
  freeTokens,
  grantAllowances,
  isExhausted,
  tokenLimit,
  wantsBalance,
} from '../../src/batch/budget.js';
import { applyChange } from '../../src/batch/change.js';
import { startChunk } from '../../src/batch/chunk-state.js';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { firstCredits, seeBalance } from '../../src/batch/credits.js';
import { chunksOf, report, runOf, started, TARGETS } from './run-of-state.js';

/** Tokens for good answers; an item costs 300 where nothing else is said. */
const spent = (tokens: number, ok = Math.ceil(tokens / 300)) => ({ ...NO_COUNTS, ok, tokens });

/** Applies the report of a chunk that has spent so much, and that names its allowance if that is all of it. */
function spends(state: BatchState, chunk: number, tokens: number, inFlight = 0): BatchState {
  const allowance = state.running[chunk]?.allowance;
  const isShort = allowance !== undefined && tokens >= allowance;
  const more = isShort ? { shortOf: allowance } : {};
  return applyReport(state, report(chunk, { counts: spent(tokens), open: 5, inFlight, ...more }));
}

describe('the tokens of a run', () => {
  it('have no limit unless one was given', () => {
    const state = started(runOf([10]), 10);
    expect([tokenLimit(state), freeTokens(state), isExhausted(state)]).toEqual([undefined, undefined, false]);
    expect(state.running[0]?.allowance).toBeUndefined();
  });

  it('are allowed to chunks in parts, and the more when they are used up', () => {
    const state = started(runOf([10, 10], { maxTotalTokens: 4000 }), 10);
    expect(state.running[0]?.allowance).toBe(2000);
    expect(freeTokens(state)).toBe(2000);
    const more = grantAllowances(spends(state, 0, 2000));
    expect(more.chunks).toEqual([0]);
    expect(more.state.running[0]?.allowance).toBe(3000);
    expect(grantAllowances(more.state).chunks).toEqual([]);
  });

  it('that a chunk did not need go to others when it ends', () => {
    const state = started(runOf([10, 10], { maxTotalTokens: 4000 }), 10);
    expect(freeTokens(endChunk(state, 0, { counts: spent(100) }))).toBe(3900);
  });

  it('that a chunk has spent which waits to go on are spent', () => {
    const state = started(runOf([10, 10], { maxTotalTokens: 4000 }), 10);
    const [chunk] = chunksOf(['t10']);
    if (chunk === undefined) throw new Error('no chunk');
    const unfinished = { ...startChunk({ chunk, targets: TARGETS, offset: state.offset }), counts: spent(700) };
    expect(freeTokens(endChunk(state, 0, { counts: spent(700), unfinished }))).toBe(3300);
  });

  it('are not exhausted while none is needed: every chunk has ended', () => {
    const all = endChunk(started(runOf([10], { maxTotalTokens: 300 }), 10), 0, { counts: spent(300) });
    expect([freeTokens(all), isExhausted(all)]).toEqual([0, false]);
    const first = endChunk(started(runOf([10, 10], { maxTotalTokens: 300 }), 10), 0, { counts: spent(300) });
    expect(isExhausted(first)).toBe(true);
  });

  it('are exhausted when all is spent and nothing under way', () => {
    const only = grantAllowances(spends(started(runOf([10], { maxTotalTokens: 300 }), 10), 0, 400)).state;
    expect(freeTokens(only)).toBe(0);
    expect(isExhausted(spends(only, 0, 400, 1))).toBe(false);
    const idle = spends(only, 0, 400);
    expect(isExhausted(idle)).toBe(true);
    expect(exhaustedReason('r', idle)).toBe(
      '400 of 300 tokens are spent; to go on: dria-temporal set r --max-total-tokens <more>',
    );
    expect(isExhausted(applyChange(idle, { maxTotalTokens: 900 }, []))).toBe(false);
  });

  it('that are limited anew are what has been spent and what is free by the new limit', () => {
    const unlimited = spends(started(runOf([10]), 10), 0, 700);
    const limited = applyChange(unlimited, { maxTotalTokens: 1000 }, []);
    const granted = grantAllowances(limited).state;
    expect(granted.running[0]?.allowance).toBeGreaterThanOrEqual(850);
    expect(granted.running[0]?.allowance).toBeLessThanOrEqual(1000);
    const over = grantAllowances(applyChange(unlimited, { maxTotalTokens: 500 }, [])).state;
    expect(over.running[0]?.allowance).toBe(700);
    const lifted = grantAllowances(applyChange(granted, { maxTotalTokens: null }, []));
    expect(lifted.state.running[0]?.allowance).toBeUndefined();
    expect(lifted.chunks).toEqual([0]);
  });

  it('never add up to more than the limit, however chunks spend within what they may', () => {
    const steps = fc.array(
      fc.record({ chunk: fc.nat({ max: 3 }), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 100_000 }), (events, maxTotalTokens) => {
        let state = runOf([10, 10, 10, 10], { maxTotalTokens });
        for (let chunk = 0; chunk < 4; chunk++) state = started(state, 10);
        for (const { chunk, share } of events) {
          const { allowance = 0, report: known = { counts: NO_COUNTS } } = state.running[chunk] ?? {};
          const { tokens: before } = known.counts;
          const tokens = before + Math.ceil((allowance - before) * share);
          state = grantAllowances(spends(state, chunk, tokens)).state;
          const allowed = Object.values(state.running).reduce((sum, running) => sum + (running.allowance ?? 0), 0);
          expect(allowed).toBeLessThanOrEqual(maxTotalTokens);
        }
      }),
    );
  });
});

describe('a limit in credits', () => {
  const withCredits = (maxCredits: number) => ({
    ...started(runOf([100], { maxCredits, concurrency: 2 }), 100),
    credits: firstCredits(1000),
  });

  it('begins with a round of requests, and then looks at the balance', () => {
    const state = withCredits(50);
    expect(tokenLimit(state)).toBe(600);
    expect(wantsBalance(state)).toBe(false);
    expect(wantsBalance(spends(state, 0, 300))).toBe(true);
  });

  it('goes by the price that was seen', () => {
    const state = spends(withCredits(50), 0, 600);
    const seen = { ...state, credits: seeBalance(firstCredits(1000), 994, 600) };
    // 44 credits left at 0.01 a token are 4400 tokens: half of them until the next look.
    expect(tokenLimit(seen)).toBe(2800);
    expect(wantsBalance(seen)).toBe(false);
  });

  it('is exhausted when the balance says so, and not before it was looked at', () => {
    const state = spends(grantAllowances(spends(withCredits(5), 0, 600)).state, 0, 600);
    expect(wantsBalance(state)).toBe(true);
    const seen = { ...state, credits: seeBalance(firstCredits(1000), 994, 600) };
    expect([isExhausted(seen), wantsBalance(seen)]).toEqual([true, false]);
    expect(exhaustedReason('r', seen)).toBe(
      '6 of 5 credits are spent; to go on: dria-temporal set r --max-credits <more>',
    );
  });
});
