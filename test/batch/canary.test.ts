import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchState, totalCounts } from '../../src/batch/batch-state.js';
import {
  canaryItems,
  canaryOf,
  endCanaryChunk,
  isCanary,
  leaveCanary,
  passCanary,
  startCanary,
  startCanaryChunk,
} from '../../src/batch/canary.js';
import { countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import { encodeItems } from '../../src/batch/item-ranges.js';
import { encodeLayout, type LayoutCode } from '../../src/batch/layout.js';
import { NOW, runOf } from './run-of-state.js';

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

/** A run of two chunks of ten items, with a canary of three. */
function withCanary(): BatchState {
  const state = runOf([10, 10]);
  const chunks = [
    { chunk: { chunk: 0, first: 0, layout: 't10' }, items: encodeItems([3]) },
    { chunk: { chunk: 1, first: 10, layout: 't10' }, items: encodeItems([13, 18]) },
  ];
  return { ...state, canary: startCanary(chunks, state.models, NOW) };
}

const BEGIN = { lanes: 1, open: 1, toldSize: 1 };

function startBoth(): BatchState {
  const first = startCanaryChunk(withCanary(), BEGIN);
  const second = startCanaryChunk(first?.state ?? withCanary(), BEGIN);
  if (second === undefined) throw new Error('the second did not start');
  return second.state;
}

describe('a run with a canary', () => {
  it('starts the canary of each chunk, with the models in proportion', () => {
    const state = withCanary();
    expect([isCanary(state), canaryItems(state)]).toEqual([true, [1, 2]]);
    const first = startCanaryChunk(state, BEGIN);
    const second = startCanaryChunk(first?.state ?? state, BEGIN);
    expect(first?.started.items).toBe('3');
    const shares = [...(first?.shares.text ?? []), ...(second?.shares.text ?? [])];
    const given = (model: string) =>
      shares.filter((share) => share.model === model).reduce((sum, { items }) => sum + items, 0);
    expect([given('text'), given('vision')]).toEqual([2, 1]);
    expect(startCanaryChunk(second?.state ?? state, BEGIN)).toBeUndefined();
  });

  it('waits for a person when all of it has ended, and goes on when told to', () => {
    const counts = { ...NO_COUNTS, ok: 1, tokens: 10, requests: 1 };
    const half = endCanaryChunk(startBoth(), 1, counts);
    expect([half.paused, half.canary?.phase]).toEqual([false, 'asking']);
    const ended = endCanaryChunk(half, 0, counts);
    expect(ended).toMatchObject({ paused: true, pausedBy: 'canary', canary: { phase: 'review', items: '3,13,18' } });
    expect(totalCounts(ended)).toMatchObject({ ok: 2, tokens: 20 });
    expect(ended.doneChunks).toBe(0);
    expect(passCanary(ended).canary?.phase).toBe('passed');
    expect(passCanary(half)).toBe(half);
  });

  it('counts its answers once: the chunk that starts finds them, what came to nothing stays counted', () => {
    const spent = { ...NO_COUNTS, ok: 1, tokens: 10, requests: 4, retries: 2, wastedTokens: 7, empty: 1 };
    const counts = countFailure(
      countModel(spent, 'text', { sent: 4, ok: 1, tokens: 10, fallbacks: 1 }),
      'text',
      '500: x',
    );
    const ended = endCanaryChunk(endCanaryChunk(startBoth(), 0, counts), 1, NO_COUNTS);
    const left = leaveCanary(passCanary(ended), 0);
    expect(left.found).toBe(true);
    expect(totalCounts(left.state)).toMatchObject({
      ok: 0,
      failed: 0,
      tokens: 0,
      requests: 3,
      retries: 2,
      wastedTokens: 7,
      empty: 1,
      models: { text: { sent: 3, ok: 0, failed: 0, fallbacks: 1 } },
    });
    expect(leaveCanary(left.state, 0).found).toBe(false);
  });
});
