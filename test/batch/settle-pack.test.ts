import { describe, expect, it } from 'vitest';
import type { PackFailureType, PackResult } from '../../src/batch/activity-contract.js';
import { type ChunkState, cutPack, type Pack, startChunk } from '../../src/batch/chunk-state.js';
import { countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import type { OpenItems } from '../../src/batch/open-items.js';
import {
  FIRST_RETRY_MS,
  findHopeless,
  findWaiting,
  losePack,
  settleFailure,
  settleHopeless,
  settlePack,
  waitOf,
  withdrawPack,
} from '../../src/batch/settle-pack.js';
import { ANY_TRIES, dropTarget, OUT, refuseModality, reviveTarget, type Targets } from '../../src/batch/targets.js';
import { cool } from './cool.js';
import { NOW, optionsOf, TARGETS } from './run-of-state.js';

const NONE: PackResult = { counts: NO_COUNTS, failed: '', refused: '', open: '', lastFailures: [], notes: [] };
const MAX_WAIT_MS = 60_000;

function chunkOf(layout: string, targets: Targets = TARGETS): ChunkState {
  return startChunk({ chunk: { chunk: 0, first: 0, layout }, targets, offset: { text: 0, vision: 0, audio: 0 } });
}

/** A chunk that has one pack out, with all its items: ten of text, or of another modality. */
function withPack(
  layout = 't10',
  targets: Targets = TARGETS.slice(0, 1),
): { readonly state: ChunkState; readonly pack: Pack } {
  const context = { free: 10, permits: 10, reserve: 0, allowance: 9_000, tokensPerItem: 300, now: NOW };
  const { pack, state } = cutPack(chunkOf(layout, targets), { ...context, options: optionsOf({ pack: 10 }) });
  if (pack === undefined) throw new Error('no pack was cut');
  return { pack, state: { ...state, targets: TARGETS } };
}

const open = (state: ChunkState) => state.open.map(({ modality: _modality, ...group }) => group);
const target = (state: ChunkState, id: string) => state.targets.find((each) => each.id === id);
const okCounts = (ok: number, tokens = 0) => countModel({ ...NO_COUNTS, ok, tokens }, 'text', { ok, tokens });
const failureAt = (item: number) => ({ item, target: 'text', error: '500: broken' });

describe('the result of a pack', () => {
  const { pack, state } = withPack();

  it('counts what was answered, and frees the tokens that the pack did not spend', () => {
    expect(state.reserved).toBe(3_750);
    const settled = settlePack(state, pack, { ...NONE, counts: okCounts(10, 100) }, NOW);
    expect(settled).toMatchObject({ reserved: 0, counts: { ok: 10, tokens: 100 }, open: [] });
    expect(settled.given.text).toEqual({ text: 10 });
  });

  it('opens what it hands back, each with its history, and gives it back in the division', () => {
    const settled = settlePack(
      state,
      pack,
      { ...NONE, counts: okCounts(5), failed: '1', refused: '3-4', open: '8-9' },
      NOW,
    );
    expect(open(settled)).toEqual([
      { items: '8-9', refusedBy: [], losses: 0 },
      { items: '3-4', refusedBy: ['text'], losses: 0 },
      { items: '1', refusedBy: [], losses: 0, retryAt: NOW + FIRST_RETRY_MS },
    ]);
    expect(settled.given.text).toEqual({ text: 5 });
  });

  it('lets failed items wait for as long as the endpoint asks', () => {
    expect(open(settlePack(state, pack, { ...NONE, failed: '1', waitMs: 30_000 }, NOW))).toMatchObject([
      { items: '1', retryAt: NOW + 30_000 },
    ]);
  });

  it('keeps what is known of its items: who refused them, losses, and that they failed', () => {
    const known: Pack = { ...pack, refusedBy: ['a'], losses: 2, retryAt: NOW - 5_000, reread: true };
    expect(
      open(settlePack(state, known, { ...NONE, open: '1', refused: '2', failed: '3', waitMs: 5_000 }, NOW)),
    ).toEqual([
      { items: '1', refusedBy: ['a'], losses: 2, retryAt: NOW },
      { items: '2', refusedBy: ['a', 'text'], losses: 2 },
      { items: '3', refusedBy: ['a'], losses: 2, retryAt: NOW + 5_000 },
    ]);
  });

  it('opens items whose answers it could not repair for another target, to be read again first', () => {
    const first = settlePack(state, pack, { ...NONE, misfits: '2,4', open: '9' }, NOW);
    expect(open(first)).toEqual([
      { items: '9', refusedBy: [], losses: 0 },
      { items: '2,4', refusedBy: [], misfitOf: ['text'], losses: 0, reread: true },
    ]);
    expect(first.given.text).toEqual({ text: 7 });
    const known: Pack = { ...pack, target: 'vision', misfitOf: ['text'], retryAt: NOW };
    expect(open(settlePack(state, known, { ...NONE, misfits: '2', failed: '4' }, NOW))).toEqual([
      { items: '2', refusedBy: [], misfitOf: ['text', 'vision'], losses: 0, reread: true },
      { items: '4', refusedBy: [], misfitOf: ['text'], losses: 0, retryAt: NOW + FIRST_RETRY_MS },
    ]);
  });

  it('with an answer ends a wait and the strikes of its target; without one it does not', () => {
    const wait = { text: '503', since: 1, until: 2, tries: 1, minTries: 0 };
    const struck = { ...state, wait, targets: cool(TARGETS, 'text', NOW, '503') };
    const answered = settlePack(struck, pack, { ...NONE, counts: okCounts(1), open: '1-9' }, NOW);
    expect([answered.wait, answered.targets]).toEqual([undefined, TARGETS]);
    const silent = settlePack(struck, pack, { ...NONE, open: '0-9' }, NOW);
    expect([silent.wait, silent.targets]).toEqual([wait, struck.targets]);
  });

  it('leaves the five newest failures and notes, each once', () => {
    const known = { ...state, lastFailures: [1, 2, 3].map(failureAt), notes: ['a', 'b'] };
    const news = { lastFailures: [3, 4, 5, 6].map(failureAt), notes: ['b', 'c', 'd', 'e', 'f'] };
    const settled = settlePack(known, pack, { ...NONE, ...news }, NOW);
    expect(settled.lastFailures.map(({ item }) => item)).toEqual([2, 3, 4, 5, 6]);
    expect(settled.notes).toEqual(['b', 'c', 'd', 'e', 'f']);
  });
});

describe('a failure that ends a pack', () => {
  const result: PackResult = { ...NONE, counts: okCounts(4), open: '4-9' };
  const settled = (type: PackFailureType, waitMs?: number, modality = 't10') => {
    const { pack, state } = withPack(modality, modality === 't10' ? TARGETS.slice(0, 1) : TARGETS);
    const message = `${type}: in its words`;
    const failure = { type, message, result: waitMs === undefined ? result : { ...result, waitMs } };
    return { state: settleFailure(state, pack, failure, { now: NOW, startedAt: NOW - 9, isAnswered: true }), message };
  };

  it.each<[PackFailureType, number | undefined, [number, number], boolean]>([
    ['NoNodesAvailable', undefined, [5_000, 0], false],
    ['NoNodesAvailable', 20_000, [20_000, 0], false],
    ['TargetUnavailable', undefined, [5_000, 0], false],
    ['TargetUnavailable', 60_000, [60_000, 0], false],
    ['RateLimited', 1_500, [1_500, 0], false],
    ['ModelUnavailable', undefined, [OUT - NOW, 0], false],
    ['EndpointUnavailable', undefined, [1_000, 1_000], false],
    ['EndpointUnavailable', 8_000, [8_000, 8_000], false],
    ['Unauthorized', undefined, [0, 0], true],
    ['PaymentRequired', undefined, [0, 0], true],
    ['AllRefused', undefined, [0, 0], true],
    ['NodeTimeout', undefined, [0, 0], false],
    ['ServerError', undefined, [0, 0], false],
    ['NetworkError', undefined, [0, 0], false],
    ['BadResponse', undefined, [0, 0], false],
    ['InvalidOutput', undefined, [0, 0], false],
    ['InvalidRequest', undefined, [0, 0], false],
    ['InvalidAttachment', undefined, [0, 0], false],
    ['RequestRefused', undefined, [0, 0], false],
  ])('%s with a wait of %s ms puts its target and the other one down for %j ms, and stops the run: %s', (...row) => {
    const [type, waitMs, down, isStop] = row;
    const { state, message } = settled(type, waitMs);
    const until = TARGETS.map(({ id }) => Math.max(0, (target(state, id)?.downUntil ?? 0) - NOW));
    expect(until).toEqual(down);
    if (down[0] > 0) expect(target(state, 'text')?.why).toBe(message);
    expect(state.stop).toEqual(isStop ? { type, message, askedAt: NOW - 9 } : undefined);
    // Whatever it is, what was answered counts, and the rest is open again, as no fault of its own.
    expect(state.counts.ok).toBe(4);
    expect(open(state)).toEqual([{ items: '4-9', refusedBy: [], losses: 0 }]);
  });

  it('ModalityRefused takes the modality from its target, and nothing else', () => {
    const { state } = settled('ModalityRefused', undefined, 'v10');
    expect(state.targets.map(({ refused, downUntil }) => [refused, downUntil])).toEqual([
      [[], 0],
      [['vision'], 0],
    ]);
  });
});

describe('a pack that is gone without a result', () => {
  const { pack, state } = withPack();

  it('opens all its items to be read again first, and frees its tokens', () => {
    const withdrawn = withdrawPack(state, pack);
    expect(open(withdrawn)).toEqual([{ items: '0-9', refusedBy: [], losses: 0, reread: true }]);
    expect([withdrawn.reserved, withdrawn.given.text]).toEqual([0, { text: 0 }]);
  });

  it('counts as a loss only if its worker is lost', () => {
    expect(open(losePack(state, pack))).toEqual([{ items: '0-9', refusedBy: [], losses: 1, reread: true }]);
  });

  it('leaves items that have failed before to be asked in time', () => {
    expect(open(losePack(state, { ...pack, retryAt: NOW - 1 }))).toMatchObject([{ retryAt: NOW - 1, losses: 1 }]);
  });
});

describe('items that nobody can answer', () => {
  const group = (more: Partial<OpenItems> = {}): OpenItems => ({
    ...{ modality: 'text', items: '0-3', refusedBy: [], losses: 0 },
    ...more,
  });
  const busy = cool(TARGETS, 'text', NOW, '503: busy');
  const out = dropTarget(TARGETS, 'vision', '404: no such model');

  it.each<[string, OpenItems, Targets, string | undefined]>([
    ['some target takes them', group(), TARGETS, undefined],
    ['the only target cools down', group({ modality: 'vision' }), cool(TARGETS, 'vision', NOW, '503'), undefined],
    ['no target takes their modality', group({ modality: 'audio' }), TARGETS, '503: no model takes audio'],
    ['those that are down take others', group({ modality: 'audio' }), busy, '503: no model takes audio'],
    ['the only target is out', group({ modality: 'vision' }), out, '404: no such model'],
    ['one target refused them', group({ refusedBy: ['text'] }), TARGETS, undefined],
    ['all have refused them', group({ refusedBy: ['text', 'vision'] }), TARGETS, '503: no model takes text'],
    ['they were lost three times', group({ losses: 3 }), TARGETS, undefined],
    ['they were lost four times', group({ losses: 4 }), TARGETS, 'timeout: the worker was lost too often'],
  ])('end in an error, others do not: %s', (_if, items, targets, error) => {
    const found = findHopeless({ ...chunkOf('t4', targets), open: [items] });
    expect(found.map(({ failure }) => failure.error)).toEqual(error === undefined ? [] : [error]);
  });

  it('end with the words of the target that refused them last', () => {
    const refused = TARGETS.map((each) => ({ ...each, why: `400: ${each.id} says no` }));
    const state = { ...chunkOf('t4', refused), open: [group({ refusedBy: ['vision', 'text'] })] };
    expect(findHopeless(state)[0]?.failure).toEqual({ target: 'text', error: '400: text says no' });
  });

  it('end with the words of the target that refused their modality', () => {
    const refused = refuseModality(cool(TARGETS, 'text', NOW, '503: busy'), 'vision', 'vision', '400: no images');
    expect(findHopeless({ ...chunkOf('v4', refused) })[0]?.failure).toEqual({
      target: 'vision',
      error: '400: no images',
    });
  });

  it('are no longer open once their errors are recorded, and are counted as they ended', () => {
    const state = chunkOf('t4a2');
    const [hopeless] = findHopeless(state);
    if (hopeless === undefined) throw new Error('none is hopeless');
    const counts = countFailure(countFailure(NO_COUNTS, '', '503: x'), '', '503: x');
    const settled = settleHopeless(state, hopeless, counts);
    expect(settled.open.map(({ items }) => items)).toEqual(['0-3']);
    expect(settled.counts).toMatchObject({ failed: 2, failedByKind: { 503: 2 } });
    expect(settled.lastFailures).toEqual([{ item: 4, target: '', error: '503: no model takes audio' }]);
  });
});

describe('the wait of a chunk', () => {
  const down = (waits: Readonly<Record<string, number | undefined>>) =>
    Object.entries(waits).reduce((targets, [id, wait]) => cool(targets, id, NOW, `503: ${id}`, wait), TARGETS);
  const counted = { text: undefined, vision: undefined };

  it.each<[string, string, Targets, { readonly until: number; readonly minTries: number } | undefined]>([
    ['a target is up', 't4', down({ text: 9_000 }), undefined],
    ['only some items wait', 't4v4', down({ vision: 9_000 }), undefined],
    ['nothing is open', 'x4', down(counted), undefined],
    ['nobody named a time', 't4', down(counted), { until: NOW + 5_000, minTries: 0 }],
    ['all named a time', 't4', down({ text: 9_000, vision: 7_000 }), { until: NOW + 7_000, minTries: ANY_TRIES }],
    ['one named a time', 't4', down({ text: 9_000, vision: undefined }), { until: NOW + 5_000, minTries: ANY_TRIES }],
    [
      'one takes nothing of it',
      'v4',
      down({ text: 1_000, vision: 7_000 }),
      { until: NOW + 7_000, minTries: ANY_TRIES },
    ],
    [
      'no list has a target',
      't4',
      TARGETS.map((each) => ({ ...each, nodes: 0 })),
      { until: NOW + MAX_WAIT_MS, minTries: 0 },
    ],
  ])('until a target may be asked is as named, or counted in tries: %s', (_if, layout, targets, expected) => {
    const wait = waitOf(chunkOf(layout, targets), NOW);
    expect(wait && { until: wait.until, minTries: wait.minTries }).toEqual(expected);
  });

  it('has the words of a target that is down, since now', () => {
    expect(waitOf(chunkOf('t4', down(counted)), NOW)).toMatchObject({ text: '503: text', since: NOW, tries: 0 });
    expect(waitOf(chunkOf('v4', down(counted)), NOW)?.text).toBe('503: vision');
    expect(waitOf(chunkOf('a4', TARGETS), NOW)?.text).toBe('no model takes audio now');
  });

  it('keeps its beginning and its tries while it goes on', () => {
    const wait = { text: '503', since: NOW - 50_000, until: NOW, tries: 2, minTries: 0 };
    expect(waitOf({ ...chunkOf('t4', down(counted)), wait }, NOW)).toMatchObject({ since: NOW - 50_000, tries: 2 });
  });

  it('is for the targets that have not refused the items', () => {
    const state = chunkOf('t4', down({ vision: 9_000 }));
    const refused = { ...state, open: state.open.map((group) => ({ ...group, refusedBy: ['text'] })) };
    expect(waitOf(refused, NOW)?.until).toBe(NOW + 9_000);
    expect(waitOf({ ...refused, targets: reviveTarget(refused.targets, 'vision') }, NOW)).toBeUndefined();
  });

  it('that was too long ends the items that wait, and no others, with the words of the endpoint', () => {
    const waiting = findWaiting(chunkOf('t4v4', down({ vision: 9_000 })), NOW);
    expect(waiting.map(({ items, failure }) => [items.items, failure])).toEqual([
      ['4-7', { target: 'vision', error: '503: vision' }],
    ]);
  });
});
