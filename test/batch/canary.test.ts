import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyReport, type BatchState, endChunk } from '../../src/batch/batch-state.js';
import { canaryOf, startCanary, startCanaryChunk } from '../../src/batch/canary.js';
import type { ChunkReport } from '../../src/batch/chunk-messages.js';
import { startChunk } from '../../src/batch/chunk-state.js';
import { encodeLayout, type LayoutCode } from '../../src/batch/layout.js';
import { isCanaryDone, resumeRun, reviewCanary } from '../../src/batch/pausing.js';
import { NOW, report, runOf, started, TARGETS } from './run-of-state.js';

describe('the items of a canary', () => {
  it('are spread evenly', () => {
    const chunk = { chunk: 0, first: 0, layout: 't100' };
    expect(canaryOf(chunk, 4, 100)).toEqual([12, 37, 62, 87]);
    expect(canaryOf({ chunk: 3, first: 300, layout: 't100' }, 4, 1000)).toEqual([375]);
  });

  it('are as many as wanted, valid, each once, whatever the chunks and the invalid lines', () => {
    const codes = fc.array(fc.constantFrom<LayoutCode>('text', 'text', 'vision', 'invalid'), {
      minLength: 1,
      maxLength: 90,
    });
    fc.assert(
      fc.property(codes, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 20 }), (all, size, wanted) => {
        const items: number[] = [];
        for (let first = 0, chunk = 0; first < all.length; first += size, chunk++) {
          const layout = encodeLayout(all.slice(first, first + size));
          items.push(...canaryOf({ chunk, first, layout }, wanted, all.length));
        }
        expect(new Set(items).size).toBe(items.length);
        expect(items.length).toBeLessThanOrEqual(Math.min(wanted, all.length));
        for (const item of items) expect(all[item]).not.toBe('invalid');
        if (!all.includes('invalid')) expect(items.length).toBe(Math.min(wanted, all.length));
      }),
    );
  });
});

const NO_OFFSET = { text: 0, vision: 0, audio: 0 };
const FIRST = { chunk: { chunk: 0, first: 0, layout: 't5v5' }, offset: NO_OFFSET, items: '3,7' };
const SECOND = {
  chunk: { chunk: 4, first: 40, layout: 't10' },
  offset: { text: 25, vision: 15, audio: 0 },
  items: '43-45',
};

/** A run of two chunks, with a canary that has so far started this many of them. */
function withCanary(count: number): BatchState {
  let canary = startCanary([FIRST, SECOND]);
  let state = runOf(['t5v5', 't10']);
  for (const { chunk } of [FIRST, SECOND].slice(0, count)) {
    canary = startCanaryChunk(canary)?.canary ?? canary;
    state = started(state, chunk.layout);
  }
  return { ...state, canary };
}

describe('a canary', () => {
  it('starts its chunks in order, each in the canary’s own division, until none is left', () => {
    const start = startCanary([FIRST, SECOND]);
    expect(start).toMatchObject({ phase: 'asking', items: '3,7,43-45', started: [], offset: NO_OFFSET });
    const first = startCanaryChunk(start);
    expect(first?.started).toBe(FIRST);
    expect(first?.canary).toMatchObject({ started: [0], offset: { text: 1, vision: 1, audio: 0 } });
    const second = startCanaryChunk(first?.canary ?? start);
    expect(second?.canary).toMatchObject({ started: [0, 4], offset: { text: 4, vision: 1, audio: 0 }, pending: [] });
    expect(startCanaryChunk(second?.canary ?? start)).toBeUndefined();
  });

  it('without an item is passed', () => {
    expect(startCanary([]).phase).toBe('passed');
  });

  it('is done once all its chunks have started and nothing of them is open or in a pack', () => {
    const ended = (state: BatchState, more: Partial<ChunkReport> = {}) =>
      [0, 1].reduce((next, chunk) => applyReport(next, report(chunk, more)), state);
    const both = withCanary(2);
    expect(isCanaryDone(both)).toBe(false);
    expect(isCanaryDone(ended(withCanary(1)))).toBe(false);
    expect(isCanaryDone(ended(both, { open: 1 }))).toBe(false);
    expect(isCanaryDone(ended(both, { inFlight: 1 }))).toBe(false);
    expect(isCanaryDone(ended(both))).toBe(true);
    expect(isCanaryDone(ended(runOf([10])))).toBe(false);
    const unfinished = startChunk({ ...FIRST, targets: TARGETS });
    const yielded = endChunk(both, 0, { counts: unfinished.counts, unfinished });
    expect(isCanaryDone(applyReport(yielded, report(1)))).toBe(false);
  });

  it('pauses the run for a person, once, and is passed when the run is resumed', () => {
    const asked = [0, 1].reduce((next, chunk) => applyReport(next, report(chunk)), withCanary(2));
    const review = reviewCanary(asked);
    expect(review).toMatchObject({
      paused: true,
      pausedBy: 'canary',
      pausedFor: 'the canary has ended: 5 items were asked; look at them, then resume',
      canary: { phase: 'review' },
    });
    expect(isCanaryDone(review)).toBe(false);
    expect(resumeRun(review, NOW)).toMatchObject({ paused: false, canary: { phase: 'passed' } });
  });

  it('is not passed by a resume while it is asked', () => {
    expect(resumeRun(withCanary(2), NOW).canary?.phase).toBe('asking');
  });
});
