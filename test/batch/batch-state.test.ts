import { describe, expect, it } from 'vitest';
import { addRunning, applyReport, type BatchState, endChunk, totalCounts } from '../../src/batch/batch-state.js';
import { startChunk } from '../../src/batch/chunk-state.js';
import { countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import { dividedOf } from '../../src/batch/item-groups.js';
import { addModalities } from '../../src/batch/modality.js';
import { reviveTarget } from '../../src/batch/targets.js';
import { cool } from './cool.js';
import { chunksOf, NOW, report, runOf, started, TARGETS } from './run-of-state.js';

const failure = (item: number) => ({ item, target: 'text', error: '500: broken' });

/** A run whose first chunks have started. */
function withStarted(chunks: readonly (number | string)[], count: number): BatchState {
  return chunks.slice(0, count).reduce<BatchState>((state, chunk) => started(state, chunk), runOf(chunks));
}

describe('the chunks of a run', () => {
  it('begin in the division where those before them end, by modality', () => {
    const state = withStarted(['t3v2x1', 'v4a1', 't5'], 3);
    expect(Object.values(state.running).map(({ offset }) => offset)).toEqual([
      { text: 0, vision: 0, audio: 0 },
      { text: 3, vision: 2, audio: 0 },
      { text: 3, vision: 6, audio: 1 },
    ]);
    expect(state.offset).toEqual({ text: 8, vision: 6, audio: 1 });
  });

  it('have the items of their layout, invalid ones left out', () => {
    expect(dividedOf({ chunk: 0, first: 0, layout: 't3v2x9a1t1' })).toEqual({ text: 4, vision: 2, audio: 1 });
    expect(addModalities({ text: 1, vision: 2, audio: 3 }, { text: 4, vision: 5, audio: 6 })).toEqual({
      text: 5,
      vision: 7,
      audio: 9,
    });
  });

  it('that yield wait with their state and are not done', () => {
    const state = withStarted([10, 10], 2);
    const [chunk] = chunksOf(['t10']);
    if (chunk === undefined) throw new Error('no chunk');
    const unfinished = startChunk({ chunk, targets: TARGETS, offset: state.offset });
    const yielded = endChunk(state, 0, { counts: NO_COUNTS, unfinished });
    expect(Object.keys(yielded.running)).toEqual(['1']);
    expect(yielded).toMatchObject({ doneChunks: 0, yielded: [{ manifest: { chunk: 0 }, state: unfinished }] });
  });
});

describe('a chunk’s report', () => {
  it('replaces the one before it, and leaves those of the other chunks', () => {
    const state = applyReport(withStarted([10, 10], 2), report(0, { open: 4, inFlight: 3, returned: 1 }));
    expect(state.running[0]?.report).toMatchObject({ open: 4, inFlight: 3, returned: 1 });
    expect(state.running[1]?.report.open).toBe(10);
  });

  it('changes nothing once its chunk has ended', () => {
    const ended = endChunk(withStarted([10], 1), 0, { counts: { ...NO_COUNTS, ok: 10 } });
    expect(applyReport(ended, report(0, { counts: { ...NO_COUNTS, ok: 9 }, lastFailures: [failure(1)] }))).toBe(ended);
  });

  it('gives the run its knowledge of targets: that one is down, and that it is up again', () => {
    const down = cool(TARGETS, 'vision', NOW, '503: no nodes available');
    const state = applyReport(withStarted([10], 1), report(0, { targets: down }));
    expect(state.targets).toEqual(down);
    expect(applyReport(state, report(0, { targets: reviveTarget(down, 'vision') })).targets).toEqual(TARGETS);
  });

  it('of an older revision gives no knowledge of targets', () => {
    const state = { ...withStarted([10], 1), revision: 1 };
    const down = cool(TARGETS, 'vision', NOW, '503');
    expect(applyReport(state, report(0, { targets: down })).targets).toBe(state.targets);
    expect(applyReport(state, report(0, { targets: down, revision: 1 })).targets).toEqual(down);
  });

  it('does not bring back a target that the run no longer has', () => {
    const state = { ...withStarted([10], 1), targets: TARGETS.slice(0, 1) };
    expect(applyReport(state, report(0)).targets).toEqual(TARGETS.slice(0, 1));
  });

  it('leaves the five newest failures and the twenty newest notes, each once', () => {
    const notes = Array.from({ length: 15 }, (_, n) => `note ${n}`);
    const first = applyReport(withStarted([50], 1), report(0, { lastFailures: [1, 2, 3].map(failure), notes }));
    const more = Array.from({ length: 10 }, (_, n) => `note ${n + 12}`);
    const second = applyReport(first, report(0, { lastFailures: [2, 3, 4, 5, 6].map(failure), notes: more }));
    expect(second.lastFailures.map(({ item }) => item)).toEqual([2, 3, 4, 5, 6]);
    expect(second.notes).toEqual(Array.from({ length: 20 }, (_, n) => `note ${n + 2}`));
  });
});

describe('the counts of a run', () => {
  const counts = countFailure(countModel({ ...NO_COUNTS, ok: 4, tokens: 9 }, 'text', { ok: 4 }), 'text', '500: x');

  it('are the same whether a chunk runs, waits to go on, or has ended', () => {
    const running = applyReport(withStarted([10, 10], 2), report(0, { counts }));
    const ended = endChunk(running, 0, { counts });
    const [chunk] = chunksOf(['t10']);
    if (chunk === undefined) throw new Error('no chunk');
    const unfinished = { ...startChunk({ chunk, targets: TARGETS, offset: running.offset }), counts };
    const yielded = endChunk(running, 0, { counts, unfinished });
    expect(totalCounts(running)).toMatchObject({ ok: 4, failed: 1, tokens: 9, failedByKind: { 500: 1 } });
    expect([totalCounts(ended), totalCounts(yielded)]).toEqual([totalCounts(running), totalCounts(running)]);
    expect([ended.doneChunks, yielded.doneChunks]).toEqual([1, 0]);
  });

  it('are those that a chunk goes on with, before it reports', () => {
    const [manifest] = chunksOf(['t10']);
    if (manifest === undefined) throw new Error('no chunk');
    const start = { manifest, offset: runOf([10]).offset, permits: 1, open: 5 };
    expect(totalCounts(addRunning(runOf([10]), start, counts))).toMatchObject({ ok: 4, failed: 1 });
  });

  it('have the targets that were not asked yet', () => {
    expect(Object.keys(totalCounts(runOf([1])).models)).toEqual(['text', 'vision']);
  });
});
