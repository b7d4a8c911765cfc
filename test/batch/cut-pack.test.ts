import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ChunkState,
  type CutContext,
  cutPack,
  nothingOpen,
  openHeld,
  type Pack,
  reserveOf,
  startChunk,
  tokensLeft,
} from '../../src/batch/chunk-state.js';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { divide } from '../../src/batch/division.js';
import { inferInput } from '../../src/batch/infer-input.js';
import { countItems, decodeItems } from '../../src/batch/item-ranges.js';
import { newItems } from '../../src/batch/open-items.js';
import { settlePack } from '../../src/batch/settle-pack.js';
import { applyList, type Targets } from '../../src/batch/targets.js';
import { cool } from './cool.js';
import { NOW, optionsOf, TARGETS } from './run-of-state.js';

const NO_OFFSET = { text: 0, vision: 0, audio: 0 };

function chunkOf(layout: string, targets: Targets = TARGETS, offset = NO_OFFSET): ChunkState {
  return startChunk({ chunk: { chunk: 0, first: 100, layout }, targets, offset });
}

/** Without the reserve: it follows from the permits that are free before the first of several packs. */
type Context = Omit<CutContext, 'reserve'>;

function contextOf(more: Partial<Context> = {}): Context {
  return { options: optionsOf(), free: 10, permits: 10, tokensPerItem: 300, now: NOW, ...more };
}

function cutIn(state: ChunkState, context: Context) {
  return cutPack(state, { ...context, reserve: reserveOf(context.free, context.options.concurrency) });
}

/** Cuts packs until no permit is free or nothing can be asked. */
function cutAll(start: ChunkState, context: Context): { readonly packs: readonly Pack[]; readonly state: ChunkState } {
  const packs: Pack[] = [];
  let [state, free] = [start, context.free];
  const reserve = reserveOf(context.free, context.options.concurrency);
  while (free > 0) {
    const cut = cutPack(state, { ...context, free, reserve });
    state = cut.state;
    if (cut.pack === undefined) break;
    free -= cut.pack.permits;
    packs.push(cut.pack);
  }
  return { packs, state };
}

function cutOne(state: ChunkState, context: Context): { readonly pack: Pack; readonly state: ChunkState } {
  const { pack, state: next } = cutIn(state, context);
  if (pack === undefined) throw new Error('no pack was cut');
  return { pack, state: next };
}

const brief = ({ target, modality, items, permits }: Pack) => [target, modality, items, permits];

describe('a chunk that begins', () => {
  it('has its items open by modality, and invalid lines counted as skipped', () => {
    const state = chunkOf('t2v1x2a1t1');
    expect(state.open.map(({ modality, items }) => [modality, items])).toEqual([
      ['text', '100-101,106'],
      ['vision', '102'],
      ['audio', '105'],
    ]);
    expect(state.counts).toEqual({ ...NO_COUNTS, skipped: 2 });
  });

  it('asks no item that gets the line of another, or an answer of an earlier run', () => {
    const state = chunkOf('t1p2T3V1v1q1t1');
    expect(state.open.map(({ modality, items }) => [modality, items])).toEqual([
      ['text', '100,109'],
      ['vision', '107'],
    ]);
    expect(state.parts.text).toEqual({ from: 0, to: 2 });
    expect(state.counts).toEqual(NO_COUNTS);
  });

  it('has only the items open that have no outcome yet', () => {
    const chunk = { chunk: 0, first: 100, layout: 't4v1' };
    const state = startChunk({ chunk, targets: TARGETS, offset: { ...NO_OFFSET, text: 7 }, done: '101-102,104' });
    expect(state.open.map(({ items }) => items)).toEqual(['100,103']);
    expect(state.parts.text).toEqual({ from: 7, to: 9 });
    expect(nothingOpen(state)).toBe(false);
  });

  it('with invalid lines alone has nothing open', () => {
    expect(nothingOpen(chunkOf('x3'))).toBe(true);
  });
});

describe('the packs of a chunk', () => {
  it('go to each target by its nodes, the one furthest behind first', () => {
    const { packs, state } = cutAll(chunkOf('t80'), contextOf());
    expect(packs.map(brief)).toEqual([
      ['text', 'text', '100-139', 5],
      ['vision', 'text', '140-169', 4],
      ['text', 'text', '170-179', 1],
    ]);
    expect(nothingOpen(state)).toBe(true);
  });

  it('go on in the run’s division where the chunk before ended', () => {
    const first = cutAll(chunkOf('t4'), contextOf({})).packs;
    const second = cutAll(chunkOf('t4', TARGETS, { ...NO_OFFSET, text: 4 }), contextOf()).packs;
    const given = (target: string) =>
      [...first, ...second]
        .filter((pack) => pack.target === target)
        .reduce((sum, { items }) => sum + countItems(items), 0);
    expect([given('text'), given('vision')]).toEqual([5, 3]);
  });

  it('go to the targets that are up, and what the others did not get in the end too', () => {
    const down = cool(TARGETS, 'text', NOW, '503', 60_000);
    const { packs, state } = cutAll(chunkOf('t40', down), contextOf());
    expect(packs.map(brief)).toEqual([['vision', 'text', '100-114', 10]]);
    expect(cutAll(state, contextOf()).packs.map(({ target, items }) => [target, items])).toEqual([
      ['vision', '115-139'],
    ]);
  });

  it('are none while no target for the items is up, nor without tokens, nor before failed items are due', () => {
    const down = cool(TARGETS, 'vision', NOW, '503');
    expect(cutIn(chunkOf('v4', down), contextOf()).pack).toBeUndefined();
    expect(cutIn(chunkOf('a4'), contextOf()).pack).toBeUndefined();
    expect(cutIn(chunkOf('t4'), contextOf({ allowance: 0 })).pack).toBeUndefined();
    const open = chunkOf('t4').open.map((group) => ({ ...group, retryAt: NOW + 1 }));
    expect(cutIn({ ...chunkOf('t4'), open }, contextOf()).pack).toBeUndefined();
    expect(cutIn({ ...chunkOf('t4'), open }, contextOf({ now: NOW + 1 })).pack).toBeDefined();
  });

  it('are measured by the items that can be asked now, not by those that wait after a failed attempt', () => {
    const start = chunkOf('t40');
    const waiting = { ...start, open: [...start.open, { ...newItems('text', '200-999'), retryAt: NOW + 60_000 }] };
    expect(cutOne(waiting, contextOf()).pack).toMatchObject({ items: cutOne(start, contextOf()).pack.items });
  });

  it('leave items for the permits that come later, if few come free first', () => {
    const options = optionsOf({ concurrency: 40 });
    const first = cutAll(chunkOf('t100'), contextOf({ options, free: 4, permits: 4 }));
    expect(first.packs.flatMap(({ items }) => decodeItems(items))).toHaveLength(20);
    const later = cutAll(first.state, contextOf({ options, free: 36, permits: 40 }));
    expect(nothingOpen(later.state)).toBe(true);
  });

  it('have as many items as the user wants, the last one what is left', () => {
    const options = optionsOf({ pack: 3 });
    const vision = applyList([], [{ id: 'only', nodes: 2, modality: 'vision' }]);
    const { packs } = cutAll(chunkOf('v7', vision), contextOf({ options }));
    expect(packs.map(brief)).toEqual([
      ['only', 'vision', '100-102', 3],
      ['only', 'vision', '103-105', 3],
      ['only', 'vision', '106', 1],
    ]);
  });

  it('hold few permits if their items failed before, since those wait most of the time', () => {
    const start = chunkOf('t100', applyList([], [{ id: 'only', nodes: 2, modality: 'text' }]));
    const retry = { ...start, open: start.open.map((group) => ({ ...group, retryAt: NOW })) };
    expect(cutOne(start, contextOf()).pack.permits).toBe(10);
    expect(cutOne(retry, contextOf()).pack).toMatchObject({ items: '100-199', permits: 10 });
    expect(cutOne(retry, contextOf({ options: optionsOf({ pack: 25 }) })).pack).toMatchObject({ permits: 3 });
    expect(cutOne(retry, contextOf({ options: optionsOf({ pack: 1 }) })).pack).toMatchObject({ permits: 1 });
  });

  it('are marked if another target is up', () => {
    expect(cutOne(chunkOf('t2'), contextOf()).pack.hasOther).toBe(true);
    expect(cutOne(chunkOf('v1'), contextOf()).pack.hasOther).toBe(false);
  });

  it('do not go to a target that has refused their items', () => {
    const start = chunkOf('t8');
    const refused = { ...start, open: start.open.map((group) => ({ ...group, refusedBy: ['text'] })) };
    const { packs, state } = cutAll(refused, contextOf());
    expect(new Set(packs.map(({ target, hasOther }) => `${target} ${hasOther}`))).toEqual(new Set(['vision false']));
    expect(nothingOpen(state)).toBe(true);
  });

  it('go to a target made for audio if all others have refused their items', () => {
    const targets = applyList(TARGETS, [...TARGETS, { id: 'audio', nodes: 9, modality: 'audio' }]);
    const start = chunkOf('t8', targets);
    const refused = { ...start, open: start.open.map((group) => ({ ...group, refusedBy: ['text', 'vision'] })) };
    expect(cutOne(refused, contextOf()).pack.target).toBe('audio');
  });
});

describe('what packs may spend', () => {
  it('is shared among the permits of the chunk, with some room for long answers', () => {
    const { packs } = cutAll(chunkOf('t800'), contextOf({ allowance: 30_000 }));
    // 100 items are affordable, of which five permits of ten have the half.
    expect(packs.map(({ items, tokens }) => [countItems(items), tokens])).toEqual([
      [50, 18_750],
      [18, 6_750],
      [4, 1_500],
      [1, 375],
    ]);
  });

  it('is all that is left for an item that may be dearer', () => {
    expect(cutOne(chunkOf('t800'), contextOf({ allowance: 1 })).pack).toMatchObject({ items: '100', tokens: 1 });
  });

  it('is not bounded without a limit', () => {
    expect(cutOne(chunkOf('t8'), contextOf()).pack.tokens).toBeUndefined();
    expect(tokensLeft(chunkOf('t8'), undefined)).toBeUndefined();
  });

  it('never adds up to more than the allowance, with what is spent, whatever packs are cut and end', () => {
    const steps = fc.array(fc.record({ free: fc.nat({ max: 20 }), spent: fc.nat({ max: 100 }), ended: fc.nat() }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 60_000 }),
        fc.integer({ min: 1, max: 900 }),
        (all, allowance, each) => {
          let state = chunkOf('t900v100');
          let out: Pack[] = [];
          for (const { free, spent, ended } of all) {
            const cut = cutAll(state, contextOf({ free, permits: 20, allowance, tokensPerItem: each }));
            out = [...out, ...cut.packs];
            state = cut.state;
            const reserved = out.reduce((sum, { tokens = Number.NaN }) => sum + tokens, 0);
            expect(state.reserved).toBe(reserved);
            expect(reserved + state.counts.tokens).toBeLessThanOrEqual(allowance);
            const pack = out[ended % Math.max(1, out.length)];
            if (pack === undefined) continue;
            out = out.filter((other) => other !== pack);
            const tokens = Math.floor(((pack.tokens ?? 0) * spent) / 100);
            const ok = decodeItems(pack.items).length;
            const result = { failed: '', refused: '', open: '', lastFailures: [], notes: [] };
            state = settlePack(state, pack, { ...result, counts: { ...NO_COUNTS, ok, tokens } }, NOW);
          }
        },
      ),
    );
  });
});

describe('a canary’s part of a chunk', () => {
  const chunk = { chunk: 1, first: 100, layout: 't6x1v3' };
  const canary = { items: '103,107', offset: { text: 4, vision: 1, audio: 0 } };
  const start = startChunk({ chunk, targets: TARGETS, offset: { text: 10, vision: 5, audio: 0 }, canary });

  it('is open alone, in a division of its own; the other items are held back', () => {
    expect(start.open.map(({ items }) => items)).toEqual(['103', '107']);
    expect(start.parts).toEqual({ text: { from: 4, to: 5 }, vision: { from: 1, to: 2 } });
    expect(decodeItems(start.held)).toEqual([100, 101, 102, 104, 105, 106, 108, 109]);
  });

  it('is followed by the items that were held back, in the run’s division', () => {
    const { state } = cutAll(start, contextOf());
    const opened = openHeld(state, chunk, { text: 10, vision: 5, audio: 0 });
    expect(opened.open.map(({ items }) => items)).toEqual(['100-102,104-105', '108-109']);
    expect(opened.parts).toEqual({ text: { from: 10, to: 16 }, vision: { from: 5, to: 8 } });
    expect([opened.held, opened.given]).toEqual(['', state.given]);
  });

  it('does not change the division of the whole chunk', () => {
    const nodes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    const sizes = fc.record({
      items: fc.integer({ min: 60, max: 200 }),
      text: fc.nat({ max: 300 }),
      count: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(nodes, sizes, (all, { items, text, count }) => {
        const list = all.map((each, index) => ({ id: `m${index}`, nodes: each, modality: 'text' }) as const);
        const whole = { chunk: 0, first: 0, layout: `t${items}` };
        const offset = { ...NO_OFFSET, text };
        const first = startChunk({
          chunk: whole,
          targets: applyList([], list),
          offset,
          canary: { items: `7-${6 + count}`, offset: NO_OFFSET },
        });
        let { state } = cutAll(first, contextOf());
        expect(nothingOpen(state)).toBe(true);
        for (state = openHeld(state, whole, offset); !nothingOpen(state); ) state = cutAll(state, contextOf()).state;
        const given = list.map(({ id }) => state.given.text?.[id] ?? 0);
        expect(given).toEqual(divide(all, text, text + items));
      }),
    );
  });

  it('is opened once', () => {
    const opened = openHeld(start, chunk, NO_OFFSET);
    expect(openHeld(opened, chunk, NO_OFFSET)).toBe(opened);
  });
});

describe('the input of an activity', () => {
  it('is its pack, with what is so of it and nothing else', () => {
    const plain = cutOne(chunkOf('v4'), contextOf({})).pack;
    const { maxTokens, temperature, timeoutSecs, retries, detail } = optionsOf();
    const options = { maxTokens, temperature, timeoutSecs, retries, detail };
    const input = {
      run: 'r',
      chunk: 3,
      target: 'vision',
      modality: 'vision',
      items: plain.items,
      permits: plain.permits,
    };
    expect(inferInput({ run: 'r', chunk: 3, isAnswered: false }, plain, optionsOf())).toEqual({ ...input, options });
    const marked = { ...plain, retryAt: NOW, reread: true, hasOther: true, tokens: 9 };
    const marks = { retrying: true, reread: true, hasOther: true, isAnswered: true, tokens: 9 };
    expect(inferInput({ run: 'r', chunk: 3, isAnswered: true }, marked, optionsOf())).toEqual({
      ...input,
      ...marks,
      options,
    });
  });
});

describe('items whose answers a target could not repair', () => {
  const misfits = (misfitOf: readonly string[], targets = TARGETS): ChunkState => ({
    ...chunkOf('t4', targets),
    open: [{ ...newItems('text', '100-103'), misfitOf }],
  });
  const targetOf = (state: ChunkState): readonly unknown[] => {
    const { pack } = cutOne(state, contextOf());
    return [pack.target, pack.hasOther, pack.misfitOf];
  };

  it('go to another one that is up', () => {
    expect(targetOf(misfits(['text']))).toEqual(['vision', false, ['text']]);
    expect(targetOf(misfits(['vision']))).toEqual(['text', false, ['vision']]);
  });

  it('go to the same one again if no other can be asked, rather than wait', () => {
    expect(targetOf(misfits(['text'], cool(TARGETS, 'vision', NOW, '503')))[0]).toBe('text');
    expect(targetOf(misfits(['text', 'vision']))[1]).toBe(true);
  });
});
