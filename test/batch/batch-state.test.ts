import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currentPackSize, grantTo, ordersFor, outdatedChunks, planLanes } from '../../src/batch/batch-lanes.js';
import {
  type BatchState,
  endChunk,
  itemsLeft,
  itemsToAsk,
  planShares,
  startBatch,
  startNextChunk,
  totalCounts,
} from '../../src/batch/batch-state.js';
import { applyChange } from '../../src/batch/change.js';
import { countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import { hearReport } from '../../src/batch/hear-report.js';
import { countLayout, encodeLayout, type LayoutCode } from '../../src/batch/layout.js';
import type { ChunkManifest } from '../../src/batch/manifest.js';
import { MODALITIES, noModalityCounts } from '../../src/batch/modality.js';
import { markDown, refreshModels } from '../../src/batch/model-table.js';
import { batchOptionsSchema } from '../../src/batch/options.js';
import type { WorkflowOptions } from '../../src/batch/run.js';
import { NOW, report } from './run-of-state.js';

const MODELS = refreshModels(
  [],
  [
    { id: 'text', nodes: 5, modality: 'text' },
    { id: 'vision', nodes: 3, modality: 'vision' },
  ],
);

function begin(
  layouts: readonly string[],
  concurrency = 10,
  more: Pick<WorkflowOptions, 'widePacks' | 'pack'> = {},
): { state: BatchState; chunks: ChunkManifest[] } {
  let first = 0;
  const modalities = noModalityCounts();
  const chunks = layouts.map((layout, chunk) => {
    const counts = countLayout(layout);
    for (const modality of MODALITIES) modalities[modality] += counts[modality];
    const manifest = { chunk, first, layout };
    first += Object.values(counts).reduce((sum, count) => sum + count, 0);
    return manifest;
  });
  const invalid = first - MODALITIES.reduce((sum, modality) => sum + modalities[modality], 0);
  const manifest = { items: first, modalities, invalid, chunks: chunks.length };
  const options = { ...batchOptionsSchema.parse({ concurrency }), ...more };
  return { state: startBatch({ options, manifest }, { models: MODELS, now: NOW }), chunks };
}

function beginWith(state: BatchState, chunk: ChunkManifest, lanes: number) {
  return { lanes, open: itemsToAsk(chunk), toldSize: currentPackSize(state) };
}

/** Starts the first chunks with so many lanes each. */
function withStarted(layouts: readonly string[], lanes: readonly number[], concurrency = 10): BatchState {
  const { state, chunks } = begin(layouts, concurrency);
  return lanes.reduce((next, granted, position) => {
    const chunk = chunks[position];
    return chunk === undefined ? next : startNextChunk(next, chunk, beginWith(next, chunk, granted)).state;
  }, state);
}

const failure = (item: number) => ({ item, model: 'text', error: '500: broken', attempts: 1, tried: ['text'] });

describe('the shares of chunks', () => {
  it('give each model exactly its part of the run, by modality', () => {
    const layouts = fc.array(
      fc.array(fc.constantFrom<LayoutCode>('text', 'vision', 'invalid'), { minLength: 1, maxLength: 60 }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(layouts, (codes) => {
        const { state, chunks } = begin(codes.map(encodeLayout));
        const given = { text: 0, vision: 0 };
        let running = state;
        for (const chunk of chunks) {
          const started = startNextChunk(running, chunk, beginWith(running, chunk, 1));
          running = started.state;
          for (const { model, items } of started.shares.text) if (model === 'text') given.text += items;
          for (const { items } of started.shares.vision) given.vision += items;
        }
        expect(given.text).toBe(state.shares.text.find(({ model }) => model === 'text')?.items);
        expect(given.vision).toBe(state.manifest.modalities.vision);
        expect(running.unstarted).toEqual(noModalityCounts());
        expect(running.nextChunk).toBe(chunks.length);
      }),
    );
  });

  it('are planned anew for what has not started when a model goes down', () => {
    const started = withStarted(['t80', 't80', 't80'], [1]);
    expect(started.shares.text.map(({ model, items }) => [model, items])).toEqual([
      ['text', 100],
      ['vision', 60],
    ]);
    const planned = planShares({ ...started, models: markDown(started.models, 'text', NOW) }, NOW);
    expect(planned.shares.text).toEqual([{ model: 'vision', items: 160 }]);
  });

  it('are none where no model takes the modality', () => {
    const { state, chunks } = begin(['t2a3']);
    const [chunk] = chunks;
    if (chunk === undefined) throw new Error('no chunk');
    expect(startNextChunk(state, chunk, beginWith(state, chunk, 1)).shares.audio).toEqual([]);
  });
});

describe('the lanes of a run', () => {
  it('start as many chunks as have packs for them', () => {
    const { state, chunks } = begin(['t500', 't500', 't500'], 300);
    // 1500 items on 300 lanes: packs of 3, so 167 packs a chunk.
    expect(currentPackSize(state)).toBe(3);
    expect(planLanes(state, chunks.map(itemsToAsk))).toEqual({ grants: [], starts: [167, 133] });
  });

  it('are all used by as many chunks as may be started', () => {
    const { state, chunks } = begin(Array(40).fill('t2000'), 400);
    const known = { ...state, latency: { text: 100 } };
    // By what is left a lane would get 100 items, and 400 lanes would need 20 chunks.
    expect(currentPackSize(known)).toBe(100);
    expect(planLanes(known, chunks.map(itemsToAsk)).starts).toEqual(Array(20).fill(20));
    expect(planLanes(known, chunks.slice(0, 3).map(itemsToAsk)).starts).toEqual([134, 134, 132]);
    expect(planLanes(known, chunks.slice(0, 1).map(itemsToAsk)).starts).toEqual([400]);
  });

  it('are no more in one chunk than packs that its history can take', () => {
    const plan = (more: Parameters<typeof begin>[2]) => {
      const { state, chunks } = begin(['t2000', 't2000'], 2000, more);
      return planLanes(state, chunks.map(itemsToAsk)).starts;
    };
    expect(plan({ pack: 1 })).toEqual([500, 500]);
    expect(plan({ widePacks: true })).toEqual([1000, 1000]);
    const held = hearReport(withStarted(['t2000'], [490], 2000), report(0, { inFlight: 490, open: 1500 }));
    expect(planLanes(held, []).grants).toEqual([{ chunk: 0, lanes: 10 }]);
  });

  it('go to a started chunk that has packs without a lane before the next one starts', () => {
    const state = hearReport(withStarted(['t100', 't100'], [2]), report(0, { inFlight: 2, open: 40 }));
    const { chunks } = begin(['t100', 't100']);
    const plan = planLanes(state, chunks.slice(1).map(itemsToAsk));
    expect(plan.grants).toEqual([{ chunk: 0, lanes: 8 }]);
    expect(plan.starts).toEqual([]);
  });

  it('come back when a chunk gives them back or ends', () => {
    const started = withStarted(['t100', 't100'], [6, 4]);
    const next = begin(['t100']).chunks.map(itemsToAsk);
    expect(planLanes(hearReport(started, report(1, { inFlight: 4 })), next).starts).toEqual([]);
    const returned = hearReport(started, report(0, { inFlight: 3, returned: 3 }));
    expect(planLanes(hearReport(returned, report(1, { inFlight: 4 })), next).starts).toEqual([3]);
    const ended = endChunk(hearReport(started, report(1, { inFlight: 4 })), 0, NO_COUNTS);
    expect(planLanes(ended, next).starts).toEqual([6]);
  });

  it('are not given back by a report that comes late', () => {
    const state = hearReport(withStarted(['t100'], [6]), report(0, { returned: 3 }));
    expect(hearReport(state, report(0, { returned: 1 })).running[0]?.returned).toBe(3);
  });

  it('are granted to nobody while the run is paused', () => {
    const { state, chunks } = begin(['t100']);
    expect(planLanes({ ...state, paused: true }, chunks.map(itemsToAsk))).toEqual({ grants: [], starts: [] });
  });

  it('are never more than the run has, whatever is granted, heard and ended', () => {
    const steps = fc.array(
      fc.record({
        chunk: fc.nat({ max: 7 }),
        inFlight: fc.nat({ max: 20 }),
        open: fc.nat({ max: 60 }),
        end: fc.boolean(),
        lanes: fc.option(fc.integer({ min: 1, max: 50 }), { freq: 4, nil: undefined }),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50 }), (events, concurrency) => {
        const begun = begin(Array(8).fill('t60'), concurrency);
        let state = begun.state;
        for (const { chunk, inFlight, open, end, lanes: bound } of events) {
          if (bound !== undefined) state = applyChange(state, { concurrency: bound }, [], NOW);
          const before = held(state);
          const plan = planLanes(state, begun.chunks.slice(state.nextChunk).map(itemsToAsk));
          for (const grant of plan.grants) state = grantTo(state, grant.chunk, grant.lanes);
          for (const lanes of plan.starts) {
            const next = begun.chunks[state.nextChunk];
            if (next !== undefined) state = startNextChunk(state, next, beginWith(state, next, lanes)).state;
          }
          // Lanes over a bound that was lowered are on their way back; none is given out meanwhile.
          expect(held(state)).toBeLessThanOrEqual(Math.max(state.options.concurrency, before));
          expect(kept(state)).toBeLessThanOrEqual(state.options.concurrency);
          const known = state.running[chunk];
          if (known === undefined) continue;
          const busy = Math.min(inFlight, known.granted - Math.max(known.returned, known.recalled));
          const idle = known.granted - known.returned - busy;
          state = end
            ? endChunk(state, chunk, NO_COUNTS)
            : hearReport(state, report(chunk, { inFlight: busy, open, returned: known.returned + idle }));
        }
      }),
    );
  });

  it('are asked back of the newest chunks first when there are to be fewer', () => {
    const started = withStarted(['t100', 't100', 't100'], [4, 3, 3]);
    const changed = applyChange(started, { concurrency: 5 }, [], NOW);
    expect(Object.values(changed.running).map(({ recalled }) => recalled)).toEqual([0, 2, 3]);
    expect(ordersFor(changed, 1)?.orders).toMatchObject({ granted: 3, recalled: 2 });
    // What a chunk gives back by itself meanwhile is what was asked for.
    const returned = hearReport(changed, report(2, { returned: 3 }));
    expect(kept(applyChange(returned, { concurrency: 4 }, [], NOW))).toBe(4);
  });
});

const lanesOf = (state: BatchState, gone: (chunk: BatchState['running'][number]) => number): number =>
  Object.values(state.running).reduce((sum, chunk) => sum + chunk.granted - gone(chunk), 0);
const held = (state: BatchState) => lanesOf(state, ({ returned }) => returned);
const kept = (state: BatchState) => lanesOf(state, ({ returned, recalled }) => Math.max(returned, recalled));

describe('the orders for a chunk', () => {
  it('say what is left of the run outside it', () => {
    const state = hearReport(withStarted(['t100', 't50', 't30'], [4, 4]), report(0, { open: 60 }));
    expect(itemsLeft(state)).toBe(60 + 50 + 30);
    expect(ordersFor(state, 0)?.orders).toMatchObject({ granted: 4, recalled: 0, leftElsewhere: 80, paused: false });
    expect(ordersFor(state, 1)?.orders.leftElsewhere).toBe(90);
  });

  it('count only the chunks that run when no other can be started before the run continues as new', () => {
    const state = hearReport(
      withStarted(['t100', 't50', 't3000'], [4, 4]),
      report(0, { open: 60, latency: { text: 100 } }),
    );
    const full = { ...state, isFull: true };
    expect(itemsLeft(full)).toBe(60 + 50);
    expect(ordersFor(full, 0)?.orders.leftElsewhere).toBe(50);
    const told = [0, 1].reduce((known, chunk) => ordersFor(known, chunk)?.state ?? known, state);
    expect([outdatedChunks(told), outdatedChunks({ ...told, isFull: true })]).toEqual([[], [0, 1]]);
  });

  it('are none for a chunk that has ended', () => {
    expect(ordersFor(endChunk(withStarted(['t10'], [1]), 0, NO_COUNTS), 0)).toBeUndefined();
  });

  it('go out when the run has much less left than the chunk knows, and once', () => {
    const started = withStarted(['t100', 't900'], [10], 1);
    const late = hearReport({ ...started, unstarted: noModalityCounts() }, report(0, { open: 4 }));
    expect(outdatedChunks(late)).toEqual([0]);
    expect(outdatedChunks(ordersFor(late, 0)?.state ?? late)).toEqual([]);
    expect(outdatedChunks(hearReport(late, report(0, { open: 0 })))).toEqual([]);
  });
});

describe('what the parent counts', () => {
  it('is the same whether a chunk runs or has ended', () => {
    const counts = countFailure(countModel({ ...NO_COUNTS, ok: 4, tokens: 9 }, 'text', { ok: 4 }), 'text', '500: x');
    const running = hearReport(withStarted(['t10', 't10'], [1, 1]), report(0, { counts }));
    const ended = endChunk(running, 0, counts);
    expect(totalCounts(ended)).toEqual(totalCounts(running));
    expect(totalCounts(ended)).toMatchObject({ ok: 4, failed: 1, tokens: 9, failedByKind: { 500: 1 } });
    expect(ended.doneChunks).toBe(1);
  });

  it('shows models that were not asked yet', () => {
    expect(Object.keys(totalCounts(begin(['t1']).state).models)).toEqual(['text', 'vision']);
  });

  it('keeps the five newest failures, each once', () => {
    const first = hearReport(withStarted(['t50'], [1]), report(0, { lastFailures: [1, 2, 3].map(failure) }));
    const second = hearReport(first, report(0, { lastFailures: [2, 3, 4, 5, 6].map(failure) }));
    expect(second.lastFailures.map(({ item }) => item)).toEqual([2, 3, 4, 5, 6]);
  });

  it('does not hear chunks that have ended', () => {
    const ended = endChunk(withStarted(['t10'], [1]), 0, { ...NO_COUNTS, ok: 10 });
    expect(hearReport(ended, report(0, { counts: { ...NO_COUNTS, ok: 9 }, lastFailures: [failure(1)] }))).toBe(ended);
  });
});

describe('what a report says of the models', () => {
  it('reaches the parent', () => {
    const state = withStarted(['t10'], [1]);
    const heard = hearReport(state, report(0, { models: markDown(state.models, 'vision', NOW) }));
    expect(heard.models.find(({ id }) => id === 'vision')?.downUntil).toBeGreaterThan(NOW);
  });

  it('is no news when the parent knows it: the table stays the same object', () => {
    const state = withStarted(['t10'], [1]);
    expect(hearReport(state, report(0, { models: structuredClone(MODELS) })).models).toBe(state.models);
    expect(hearReport(state, report(0)).models).toBe(state.models);
  });

  it('guides the size of packs by the answer times seen', () => {
    const state = withStarted(['t9000', 't9000'], [1], 1);
    expect(currentPackSize(state)).toBe(4);
    const heard = hearReport(state, report(0, { open: 8000, latency: { text: 1000, vision: 3000 } }));
    expect(currentPackSize(heard)).toBe(30);
  });
});
