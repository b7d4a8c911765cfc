import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeModels, encodeModels } from '../../src/batch/chunk-models.js';
import type { Pack } from '../../src/batch/chunk-state.js';
import { linesOf } from '../../src/batch/counts.js';
import { decodeItems } from '../../src/batch/item-ranges.js';
import { decodeLayout, encodeLayout, type LayoutCode } from '../../src/batch/layout.js';
import type { ChunkManifest } from '../../src/batch/manifest.js';
import { MODALITIES } from '../../src/batch/modality.js';
import type { Model } from '../../src/batch/models.js';
import { applyList, takers } from '../../src/batch/targets.js';
import { seeded } from '../support/seeded.js';
import { LivingRun, type Outcome, type PackEnding, type RunLife, type World } from './run-life.js';
import { chunksOf, optionsOf } from './run-of-state.js';

const code = fc.constantFrom<LayoutCode>('text', 'text', 'text', 'vision', 'audio', 'vision+audio', 'invalid');
/** Models that items name: some that the list may have, and one that it never has. */
const name = fc.constantFrom(undefined, undefined, undefined, 'a', 'constructor', 'unlisted');
const layouts = fc
  .array(fc.array(fc.tuple(code, name), { minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 8 })
  .map((chunks) =>
    chunksOf(chunks.map((items) => encodeLayout(items.map(([each]) => each)))).map((chunk, at) => {
      const models = encodeModels((chunks[at] ?? []).map(([, named]) => named));
      return models === undefined ? chunk : { ...chunk, models };
    }),
  );

const model = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'constructor'),
  nodes: fc.integer({ min: 1, max: 60 }),
  modality: fc.constantFrom(...MODALITIES),
});
const lists = fc.uniqueArray(model, { selector: ({ id }) => id, minLength: 1, maxLength: 6 });

const settings = fc.record({
  chunks: layouts,
  list: lists,
  concurrency: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 60 })),
  pack: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  seed: fc.integer({ min: 1 }),
});

type Setting = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function worldOf({ chunks, list, concurrency, pack, seed }: Setting, more: Partial<World> = {}): World {
  const options = optionsOf({ concurrency, ...(pack === undefined ? {} : { pack }) });
  const draw = drawFrom(seed);
  return { chunks, list, options, draw, outcome: () => 'ok', ending: () => 'done', ...more };
}

function drawFrom(seed: number): (below: number) => number {
  const random = seeded(seed);
  return (below) => Math.floor(random() * below);
}

/** The items of a run that can be asked, by number. */
function validItems(chunks: readonly ChunkManifest[]): Map<number, LayoutCode> {
  return new Map(
    chunks
      .flatMap(({ first, layout }) => decodeLayout(layout).map((each, at) => [first + at, each] as const))
      .filter(([, each]) => each !== 'invalid'),
  );
}

/** The models that items name, as the chunks say it. */
function namesOf(chunks: readonly ChunkManifest[]): Map<number, string | undefined> {
  const valid = validItems(chunks);
  const named = chunks.flatMap(({ first, layout, models }) => {
    const names = models === undefined ? [] : decodeModels(models);
    return decodeLayout(layout).map((_each, at) => [first + at, names[at]] as const);
  });
  return new Map(named.filter(([item]) => valid.has(item)));
}

/** Checks that each target has its exact part of the items that ended, rounded up or down, by modality. */
function expectDivision({ ended }: RunLife, list: readonly Model[]): void {
  for (const modality of MODALITIES) {
    const able = takers(applyList([], list), modality);
    const nodes = able.reduce((sum, target) => sum + target.nodes, 0);
    const items = [...ended.values()].filter((item) => item.modality === modality && item.model === undefined);
    if (able.length === 0) continue;
    for (const target of able) {
      const part = (items.length * target.nodes) / nodes;
      const count = items.filter((item) => item.target === target.id).length;
      expect(count).toBeGreaterThanOrEqual(Math.floor(part + 1e-9));
      expect(count).toBeLessThanOrEqual(Math.ceil(part - 1e-9));
    }
  }
}

/** Checks that every item ended once, those that name a model with that, and that the run's counts are those of its items. */
function expectWhole({ ended, state }: RunLife, chunks: readonly ChunkManifest[]): void {
  const valid = validItems(chunks);
  expect([...ended.keys()].sort((a, b) => a - b)).toEqual([...valid.keys()].sort((a, b) => a - b));
  for (const [item, { modality, model, target }] of ended) {
    expect(valid.get(item)).toBe(modality);
    if (model !== undefined) expect([model, '']).toContain(target);
  }
  expect(new Map([...ended].map(([item, { model }]) => [item, model]))).toEqual(namesOf(chunks));
  const isOk = [...ended.values()].filter((item) => item.isOk).length;
  expect(state.counts).toMatchObject({ ok: isOk, failed: ended.size - isOk });
  expect(linesOf(state.counts)).toBe(chunks.reduce((sum, { layout }) => sum + decodeLayout(layout).length, 0));
}

describe('a run whose targets are all up', () => {
  it('divides its items by nodes to within one item, however it is cut into chunks and packs', () => {
    fc.assert(
      fc.property(settings, (setting) => {
        const life = new LivingRun(worldOf(setting)).live();
        expectWhole(life, setting.chunks);
        expectDivision(life, setting.list);
      }),
    );
  });

  it('has every item in exactly one pack, if nothing fails', () => {
    fc.assert(
      fc.property(settings, (setting) => {
        const { packs, ended } = new LivingRun(worldOf(setting)).live();
        const items = packs.flatMap((pack) => decodeItems(pack.items));
        expect(new Set(items).size).toBe(items.length);
        const answered = [...ended].filter(([, { isOk }]) => isOk).map(([item]) => item);
        expect(items.sort((a, b) => a - b)).toEqual(answered.sort((a, b) => a - b));
      }),
    );
  });

  it('keeps that division though items fail and are asked again, and packs hand back what they have not asked', () => {
    fc.assert(
      fc.property(settings, fc.constantFrom(0, 1, 3), (setting, share) => {
        const draw = drawFrom(setting.seed + 1);
        const outcome = (): Outcome => (draw(10) < share ? 'again' : 'ok');
        const ending = (): PackEnding => (draw(3) === 0 ? 'handedBack' : 'done');
        const life = new LivingRun(worldOf(setting, { outcome, ending })).live();
        expectWhole(life, setting.chunks);
        expect(life.askedTwice).toEqual([]);
        expectDivision(life, setting.list);
      }),
    );
  });

  it('never has more requests in flight than its concurrency, though reports come late or twice', () => {
    fc.assert(
      fc.property(settings, (setting) => {
        expect(new LivingRun(worldOf(setting)).live().maxInFlight).toBeLessThanOrEqual(setting.concurrency);
      }),
    );
  });
});

const ENDINGS: readonly PackEnding[] = [
  'done',
  'handedBack',
  'withdrawn',
  'lost',
  'NoNodesAvailable',
  'TargetUnavailable',
  'RateLimited',
  'ModelUnavailable',
  'ModalityRefused',
  'EndpointUnavailable',
  'PaymentRequired',
  'NodeTimeout',
];
const OUTCOMES: readonly Outcome[] = ['ok', 'failed', 'again', 'refused'];

/** Runs from kind to hopeless: each ending and outcome has its own weight, and the list changes now and then. */
const troubled = fc.record({
  setting: settings,
  endings: fc
    .tuple(...ENDINGS.map((_, index) => fc.nat({ max: index === 0 ? 20 : 3 })))
    .map((all): readonly number[] => all),
  outcomes: fc.tuple(...OUTCOMES.map((_, index) => fc.nat({ max: index === 0 ? 20 : 3 }))),
  otherLists: fc.array(lists, { maxLength: 3 }),
});

type Troubled = typeof troubled extends fc.Arbitrary<infer T> ? T : never;

/** Troubles in one run: after so many, all goes well, so that it comes to an end. */
const MAX_TROUBLES = 80;

function liveThrough({ setting, endings, outcomes, otherLists }: Troubled, more: Partial<World> = {}): RunLife {
  const draw = drawFrom(setting.seed + 1);
  const bag = <T>(all: readonly T[], weights: readonly number[]): readonly T[] =>
    all.flatMap((each, index) => new Array<T>(weights[index] ?? 0).fill(each));
  const [endingBag, outcomeBag] = [bag(ENDINGS, endings), bag(OUTCOMES, outcomes)];
  let troubles = 0;
  const drawn = <T>(all: readonly T[], good: T): T => {
    const each = all[draw(all.length)] ?? good;
    return each === good || troubles++ < MAX_TROUBLES ? each : good;
  };
  return new LivingRun(
    worldOf(setting, {
      outcome: () => drawn(outcomeBag, 'ok'),
      ending: () => drawn(endingBag, 'done'),
      nextList: () => (draw(20) === 0 ? otherLists[draw(otherLists.length + 1)] : undefined),
      ...more,
    }),
  ).live();
}

describe('a run, whatever its targets and workers do', () => {
  it('ends every item once, and asks none whose outcome is recorded', () => {
    fc.assert(
      fc.property(troubled, (trouble) => {
        const life = liveThrough(trouble);
        expectWhole(life, trouble.setting.chunks);
        expect(life.askedTwice).toEqual([]);
      }),
    );
  });

  it('asks no target about an item that it refused, if its pack has returned that', () => {
    fc.assert(
      fc.property(troubled, (trouble) => {
        const endings = trouble.endings.with(ENDINGS.indexOf('lost'), 0).with(ENDINGS.indexOf('withdrawn'), 0);
        const refused = new Set<string>();
        const draw = drawFrom(trouble.setting.seed);
        const outcome = (item: number, { target }: Pack): Outcome => {
          expect(refused.has(`${target}/${item}`)).toBe(false);
          if (draw(3) > 0) return 'ok';
          refused.add(`${target}/${item}`);
          return 'refused';
        };
        expectWhole(liveThrough({ ...trouble, endings }, { outcome }), trouble.setting.chunks);
      }),
    );
  });

  it('never has more requests in flight than its concurrency', () => {
    fc.assert(
      fc.property(troubled, (trouble) => {
        expect(liveThrough(trouble).maxInFlight).toBeLessThanOrEqual(trouble.setting.concurrency);
      }),
    );
  });
});

describe('a run whose targets stay down', () => {
  const down = settings.map((setting) => ({ ...setting, chunks: setting.chunks.slice(0, 3) }));
  const ending = (): PackEnding => 'NoNodesAvailable';

  it('tries each chunk’s targets as often as items are retried, and then ends its items in errors', () => {
    fc.assert(
      fc.property(down, (setting) => {
        const life = new LivingRun(worldOf(setting, { ending, outcome: () => 'again' })).live();
        expectWhole(life, setting.chunks);
        expect(life.state.counts.ok).toBe(0);
        // Each of up to three tries may go to each target, with as many packs as there are permits.
        const most = setting.chunks.length * 4 * setting.list.length * Math.max(10, setting.concurrency);
        expect(life.packs.length).toBeLessThanOrEqual(most);
      }),
      { numRuns: 50 },
    );
  });

  it('waits as long as it may, if they name the time', () => {
    fc.assert(
      fc.property(down, (setting) => {
        const world = worldOf(
          { ...setting, chunks: chunksOf(['t20']) },
          { ending: () => 'TargetUnavailable', outcome: () => 'again', waitMs: 30_000 },
        );
        const life = new LivingRun(world).live();
        expect(life.state.counts).toMatchObject({ ok: 0, failed: 20 });
        expect(life.took).toBeGreaterThanOrEqual(world.options.maxWaitSecs * 1000);
        expect(life.took).toBeLessThan(2 * world.options.maxWaitSecs * 1000);
      }),
      { numRuns: 50 },
    );
  });
});
