import { describe, expect, it } from 'vitest';
import { cutPack, openHeld, startChunk } from '../../src/batch/chunk-state.js';
import { inInputOrder, inOrder } from '../../src/batch/item-order.js';
import { NOW, optionsOf, TARGETS } from './run-of-state.js';

const NO_OFFSET = { text: 0, vision: 0, audio: 0 };
const ORDER = '100,104,102,101,103,105';
const CHUNK = { chunk: 1, first: 100, layout: 't2v1t3' };

describe('the order of a chunk', () => {
  const begun = startChunk({ chunk: CHUNK, targets: TARGETS, offset: NO_OFFSET, done: '103' });
  const state = inOrder(begun, ORDER);

  it('is that of its open items, those of each modality by themselves', () => {
    expect(state.open.map(({ items }) => items)).toEqual(['100,104,101,105', '102']);
    expect(inOrder(begun, undefined)).toBe(begun);
  });

  it('is that in which packs are cut', () => {
    const options = optionsOf({ pack: 2 });
    const context = { options, free: 10, permits: 10, reserve: 0, tokensPerItem: 300, now: NOW };
    expect(cutPack(state, context).pack?.items).toBe('100,104');
  });

  it('is put back into that of the input, and found again', () => {
    expect(inInputOrder(state)).toEqual(begun);
    expect(inOrder(inInputOrder(state), ORDER)).toEqual(state);
  });

  it('is kept by the items that a canary holds back', () => {
    const canary = { items: '102,105', offset: NO_OFFSET };
    const held = inOrder(startChunk({ chunk: CHUNK, targets: TARGETS, offset: NO_OFFSET, canary }), ORDER);
    expect(held.held).toBe('100,104,101,103');
    const opened = openHeld({ ...held, open: [] }, CHUNK, NO_OFFSET);
    expect(opened.open.map(({ modality, items }) => [modality, items])).toEqual([['text', '100,104,101,103']]);
  });
});
