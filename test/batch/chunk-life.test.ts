import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apportion } from '../../src/batch/allocation.js';
import { startChunk, takeRecovered } from '../../src/batch/chunk-state.js';
import { linesOf, NO_COUNTS } from '../../src/batch/counts.js';
import { decodeItems } from '../../src/batch/item-ranges.js';
import { encodeLayout, type LayoutCode } from '../../src/batch/layout.js';
import type { Modality } from '../../src/batch/modality.js';
import { candidates, type ModelTable, refreshModels, weights } from '../../src/batch/model-table.js';
import { batchOptionsSchema } from '../../src/batch/options.js';
import { PACK_CAP, packWidth, WIDE_PACK_CAP } from '../../src/batch/packs.js';
import type { Pack } from '../../src/batch/work-queue.js';
import { type Answer, type ChunkLife, ChunkLiving } from './chunk-life.js';

const FIRST = 1000;
const MODELS = refreshModels(
  [],
  [
    { id: 'text', nodes: 5, modality: 'text' },
    { id: 'vision-large', nodes: 9, modality: 'vision' },
    { id: 'vision-small', nodes: 2, modality: 'vision' },
    { id: 'audio', nodes: 3, modality: 'audio' },
  ],
);

/** A chunk, what its endpoint is like, and how it is run. */
interface World {
  readonly layout: readonly LayoutCode[];
  readonly models: ModelTable;
  readonly retries: number;
  readonly lanes: number;
  readonly leftElsewhere: number;
  readonly pack?: number;
  readonly widePacks?: boolean;
  readonly answered?: ReadonlySet<number>;
  readonly answer: (item: number, pack: Pack) => Answer;
  readonly seed: number;
}

function live(world: World): ChunkLife {
  const { pack, widePacks = false, retries, lanes, models, layout, leftElsewhere, answered = new Set() } = world;
  const {
    schema: _schema,
    skipInvalid: _skip,
    ...options
  } = batchOptionsSchema.parse({
    retries,
    concurrency: lanes,
    ...(pack === undefined ? {} : { pack }),
  });
  const chunk = { chunk: 2, first: FIRST, layout: encodeLayout(layout) };
  const share = (modality: Modality) => {
    const up = weights(models, modality, 0);
    return up.length === 0 ? [] : apportion(layout.filter((code) => code === modality).length, up);
  };
  const shares = { text: share('text'), vision: share('vision'), audio: share('audio') };
  const start = startChunk({ chunk, answered, shares, models, latency: {}, lanes, leftElsewhere, tokensPerItem: 1 });
  const found = { ...NO_COUNTS, ok: answered.size };
  const state = answered.size === 0 ? start : takeRecovered(start, { segments: ['found'], counts: found });
  return new ChunkLiving(state, { ...options, widePacks }, lanes, world.answer, random(world.seed)).run();
}

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(below, 1);
  };
}

const OUTCOMES: readonly Answer[] = [
  'ok',
  'ServerError',
  'NodeTimeout',
  'RateLimited',
  'InvalidRequest',
  'NoNodesAvailable',
  'PaymentRequired',
  'lost',
  'back',
];

const layouts = fc.array(fc.constantFrom<LayoutCode>('text', 'text', 'text', 'vision', 'audio', 'invalid'), {
  minLength: 1,
  maxLength: 120,
});

/** Worlds from kind to hopeless: each outcome has its own weight, and any model may refuse what it does not take. */
const worlds: fc.Arbitrary<World> = fc
  .record({
    layout: layouts,
    models: fc.subarray([...MODELS]),
    retries: fc.nat({ max: 4 }),
    lanes: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 300 })),
    widePacks: fc.boolean(),
    leftElsewhere: fc.nat({ max: 5000 }),
    pack: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    likely: fc.tuple(...OUTCOMES.map((_, index) => fc.nat({ max: index === 0 ? 20 : 4 }))),
    refusing: fc.subarray(['vision-large', 'vision-small', 'audio']),
    payable: fc.nat({ max: 3 }),
    seed: fc.integer(),
  })
  .map(({ likely, refusing, payable, pack, ...world }) => {
    const draw = random(world.seed + 1);
    let unpaid = payable;
    const bag = OUTCOMES.flatMap((outcome, index) => new Array<Answer>(likely[index] ?? 0).fill(outcome));
    const answer = (_item: number, asked: Pack): Answer => {
      if (asked.modality !== 'text' && refusing.includes(asked.model)) return 'ModalityRefused';
      const outcome = bag[draw(bag.length)] ?? 'ok';
      // Somebody pays in the end.
      return outcome === 'PaymentRequired' && unpaid-- <= 0 ? 'ok' : outcome;
    };
    return { ...world, answer, ...(pack === undefined ? {} : { pack }) };
  });

function answeredItems({ state }: ChunkLife): number[] {
  return state.segments.flatMap((name) => decodeItems(name.replace('segment of ', '')));
}

describe('a chunk, whatever its models answer', () => {
  it('ends with every item answered once or failed once, and the counts say so', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const life = live(world);
        const { counts, failures } = life.state;
        const failed = failures.map(({ item }) => item);
        const invalid = world.layout.flatMap((code, position) => (code === 'invalid' ? [FIRST + position] : []));
        const ended = [...answeredItems(life), ...failed, ...invalid].sort((a, b) => a - b);
        expect(ended).toEqual(world.layout.map((_, position) => FIRST + position));
        expect(linesOf(counts)).toBe(world.layout.length);
        expect(counts.ok).toBe(answeredItems(life).length);
        expect(Object.values(counts.failedByKind).reduce((sum, count) => sum + count, 0)).toBe(counts.failed);
      }),
      { numRuns: 300 },
    );
  });

  it('asks only models that are up, take the modality and have not refused it', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        for (const { pack, at, before } of live(world).packs) {
          const allowed = candidates(before.models, pack.modality, at).map(({ id }) => id);
          expect(allowed).toContain(pack.model);
        }
      }),
    );
  });

  it('asks for no answer that storage has', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        expect(live(world).paidTwice).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('cuts packs of at least one item, rising, no longer than allowed, and single ones at the end', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const width = packWidth({ concurrency: world.lanes, fixed: world.pack, wide: world.widePacks });
        const most = width > 1 ? WIDE_PACK_CAP : PACK_CAP;
        for (const { pack, before } of live(world).packs) {
          expect(pack.items.length).toBeGreaterThanOrEqual(1);
          expect(pack.items.length).toBeLessThanOrEqual(world.pack ?? most);
          expect(pack.items).toEqual([...new Set(pack.items)].sort((a, b) => a - b));
          const left = before.queues.reduce((sum, { items }) => sum + items.length, before.leftElsewhere);
          if (world.pack === undefined && width === 1 && left <= 2 * world.lanes) expect(pack.items).toHaveLength(1);
        }
      }),
    );
  });

  it('never has packs on more lanes than it was given, nor a pack on more lanes than it has items', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        for (const { pack, lanes, free } of live(world).packs) {
          expect(lanes).toBeGreaterThanOrEqual(1);
          expect(lanes).toBeLessThanOrEqual(Math.min(free, pack.items.length));
          if (pack.alone !== undefined) expect(lanes).toBe(1);
        }
      }),
    );
  });

  it('does not ask an item for ever', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        // 20 setbacks, each with all attempts, and a turn at each model for each round.
        const most = (1 + world.retries) * (21 + 21 * (world.models.length + 1));
        for (const times of live(world).asked.values()) expect(times).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('asks only the rest when an earlier execution has left answers', () => {
    fc.assert(
      fc.property(worlds, fc.array(fc.nat({ max: 119 })), (world, positions) => {
        const found = positions.filter((at) => (world.layout[at] ?? 'invalid') !== 'invalid').map((at) => FIRST + at);
        const answered = new Set(found);
        const { asked, state } = live({ ...world, answered });
        for (const item of answered) expect(asked.has(item)).toBe(false);
        expect(linesOf(state.counts)).toBe(world.layout.length);
      }),
    );
  });
});

const plain = (more: Partial<World>): World => ({
  layout: new Array<LayoutCode>(40).fill('text'),
  models: MODELS,
  retries: 3,
  lanes: 2,
  leftElsewhere: 0,
  answer: () => 'ok',
  seed: 1,
  ...more,
});

describe('a chunk', () => {
  it('gives models their items exactly in proportion to nodes when all goes well', () => {
    const { counts } = live(plain({ layout: new Array<LayoutCode>(160).fill('text') })).state;
    const ok = Object.entries(counts.models).map(([model, { ok: items }]) => [model, items]);
    expect(Object.fromEntries(ok)).toEqual({ text: 50, 'vision-large': 90, 'vision-small': 20 });
    expect(counts).toMatchObject({ ok: 160, failed: 0, requests: 160 });
  });

  it('asks 1 + retries times and no more what keeps failing', () => {
    for (const retries of [0, 1, 3]) {
      const { asked, state } = live(plain({ retries, answer: (item) => (item % 5 === 0 ? 'ServerError' : 'ok') }));
      expect(state.counts).toMatchObject({ ok: 32, failed: 8, failedByKind: { ServerError: 8 } });
      for (const [item, times] of asked) expect(times).toBe(item % 5 === 0 ? 1 + retries : 1);
      expect(state.failures.every(({ attempts }) => attempts === 1 + retries)).toBe(true);
    }
  });

  it('asks once what the endpoint calls a bad request', () => {
    const { asked, state } = live(plain({ answer: (item) => (item === FIRST + 7 ? 'InvalidRequest' : 'ok') }));
    expect(asked.get(FIRST + 7)).toBe(1);
    expect(state.failures).toMatchObject([{ item: FIRST + 7, attempts: 1, error: 'InvalidRequest: simulated' }]);
  });

  it('ends items with `503: no nodes available` after `retries` looks when no model comes back', () => {
    const { state } = live(plain({ answer: () => 'NoNodesAvailable', retries: 2 }));
    expect(state.counts.failed).toBe(40);
    expect(new Set(state.failures.map(({ error }) => error))).toEqual(new Set(['503: no nodes available']));
  });

  it('asks a model once more only for what it does not refuse', () => {
    const answer = (_item: number, { model, modality }: Pack): Answer =>
      model === 'vision-large' && modality === 'vision' ? 'ModalityRefused' : 'ok';
    const layout = [...new Array<LayoutCode>(20).fill('vision'), ...new Array<LayoutCode>(20).fill('text')];
    const { packs, state } = live(plain({ layout, answer, lanes: 1 }));
    const asked = packs.filter(({ pack }) => pack.model === 'vision-large');
    expect(asked.filter(({ pack }) => pack.modality === 'vision')).toHaveLength(1);
    expect(asked.some(({ pack }) => pack.modality === 'text')).toBe(true);
    expect(state.counts).toMatchObject({ ok: 40, failed: 0 });
  });

  it('waits for the other model when one refuses the modality and the other is down for now', () => {
    let down = true;
    const answer = (_item: number, { model }: Pack): Answer => {
      if (model === 'vision-large') return 'ModalityRefused';
      if (!down) return 'ok';
      down = false;
      return 'NoNodesAvailable';
    };
    const models = MODELS.filter(({ modality }) => modality === 'vision');
    const { state } = live(plain({ layout: new Array<LayoutCode>(12).fill('vision'), answer, models, lanes: 2 }));
    expect(state.failures).toEqual([]);
    expect(state.counts.ok).toBe(12);
  });

  it('takes over what a lost pack has answered, also when no model could be asked in between', () => {
    const script: Answer[] = ['ok', 'ok', 'ok', 'lost', 'NoNodesAvailable'];
    const models = MODELS.filter(({ id }) => id === 'text');
    const { state, asked, paidTwice } = live(
      plain({ models, lanes: 1, pack: 5, answer: () => script.shift() ?? 'ok' }),
    );
    expect(state.counts).toMatchObject({ ok: 40, failed: 0 });
    expect(paidTwice).toEqual([]);
    expect([...asked.values()].filter((times) => times > 1)).toEqual([2]);
  });

  it('ends items at once when every model has refused their modality', () => {
    const models = MODELS.filter(({ id }) => id === 'audio');
    const answer = (): Answer => 'ModalityRefused';
    const { state, asked } = live(plain({ layout: ['audio', 'audio'], answer, models, lanes: 1, pack: 2 }));
    expect(state.failures.map(({ error }) => error)).toEqual(Array(2).fill('ModalityRefused: simulated'));
    expect([...asked.values()]).toEqual([1]);
  });

  it('asks a model made for audio for text only when nothing else is up', () => {
    const answer = (_item: number, { model }: Pack): Answer => (model === 'audio' ? 'ok' : 'NoNodesAvailable');
    const models = MODELS.filter(({ id }) => id === 'text' || id === 'audio');
    const { state, packs } = live(plain({ models, answer, lanes: 1 }));
    expect(state.counts.ok).toBe(40);
    expect(packs[0]?.pack.model).toBe('text');
    expect(packs[1]?.pack.model).toBe('audio');
  });

  it('with nothing but invalid lines is done at once', () => {
    const { state, packs } = live(plain({ layout: ['invalid', 'invalid'] }));
    expect(packs).toEqual([]);
    expect(state.counts).toMatchObject({ ok: 0, failed: 0, skipped: 2, failedByKind: {} });
  });
});
