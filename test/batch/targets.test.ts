import { describe, expect, it } from 'vitest';
import type { Modality } from '../../src/batch/modality.js';
import type { Model } from '../../src/batch/models.js';
import {
  ANY_TRIES,
  adoptTargets,
  applyList,
  candidates,
  canServe,
  chosenTarget,
  dropTarget,
  isUp,
  nextUp,
  OUT,
  refuseModality,
  reviveTarget,
  type Target,
  type Targets,
  takers,
} from '../../src/batch/targets.js';
import { cool, coolEvery } from './cool.js';

const NOW = 1_000_000;
const LIST: readonly Model[] = [
  { id: 'text-small', nodes: 8, modality: 'text' },
  { id: 'vision', nodes: 20, modality: 'vision' },
  { id: 'audio', nodes: 50, modality: 'audio' },
  { id: 'text-large', nodes: 12, modality: 'text' },
];
const ALL = applyList([], LIST);

const ids = (targets: Targets) => targets.map(({ id }) => id);
const askedFor = (targets: Targets, modality: Modality, now = NOW) => ids(candidates(targets, modality, now));
const cooled = (targets: Targets, ...which: string[]) =>
  which.reduce((next, id) => cool(next, id, NOW, '503: no nodes available'), targets);

function find(targets: Targets, id: string): Target {
  const target = targets.find((each) => each.id === id);
  if (target === undefined) throw new Error(`no target ${id}`);
  return target;
}

describe('the targets that may be asked', () => {
  it.each<[Modality, string[], string[]]>([
    ['text', [], ['vision', 'text-large', 'text-small']],
    ['text', ['vision', 'text-large'], ['text-small']],
    ['text', ['vision', 'text-large', 'text-small'], ['audio']],
    ['text', ['vision', 'text-large', 'text-small', 'audio'], []],
    ['vision', [], ['vision']],
    ['vision', ['vision'], []],
    ['audio', [], ['audio']],
    ['audio', ['audio'], []],
  ])('for %s while %j are down are %j, most nodes first', (modality, down, expected) => {
    expect(askedFor(cooled(ALL, ...down), modality)).toEqual(expected);
  });

  it('with as many nodes come in the order of the list', () => {
    const list = ['b', 'a'].map((id) => ({ id, nodes: 5, modality: 'text' }) as const);
    const targets = applyList([], [...list, { id: 'c', nodes: 6, modality: 'text' }]);
    expect(askedFor(targets, 'text')).toEqual(['c', 'b', 'a']);
  });

  it('are not those without nodes', () => {
    expect(askedFor(applyList(ALL, []), 'text')).toEqual([]);
  });

  it('are not those that refused the modality, which are still asked for others', () => {
    const targets = refuseModality(ALL, 'vision', 'vision', '400: no images');
    expect([askedFor(targets, 'vision'), askedFor(targets, 'text')[0]]).toEqual([[], 'vision']);
  });
});

describe('the targets that items are divided among', () => {
  it.each<[Modality, string[]]>([
    ['text', ['text-small', 'vision', 'text-large']],
    ['vision', ['vision']],
    ['audio', ['audio']],
  ])('for %s are %j, up or down', (modality, expected) => {
    expect(ids(takers(ALL, modality))).toEqual(expected);
    expect(ids(takers(cooled(ALL, ...ids(ALL)), modality))).toEqual(expected);
  });

  it('for text are those made for audio if there is no other', () => {
    expect(ids(takers(applyList([], LIST.slice(2, 3)), 'text'))).toEqual(['audio']);
    expect(ids(takers(chosenTarget('audio', LIST), 'text'))).toEqual(['audio']);
  });
});

describe('whether waiting for a target has a point', () => {
  it.each<[string, Targets, Modality, boolean, number | undefined]>([
    ['all are up', ALL, 'vision', true, 0],
    ['the only one cools down', cooled(ALL, 'vision'), 'vision', true, NOW + 5_000],
    ['another one is up', cooled(ALL, 'vision'), 'text', true, 0],
    ['the only one is out', dropTarget(ALL, 'vision', '404: no such model'), 'vision', false, undefined],
    ['the only one refused', refuseModality(ALL, 'vision', 'vision', 'no'), 'vision', false, undefined],
    ['no list has one', applyList([], LIST.slice(0, 1)), 'vision', false, undefined],
    ['the list has lost it', applyList(ALL, []), 'vision', true, undefined],
  ])('if %s', (_if, targets, modality, serves, at) => {
    expect([canServe(targets, modality), nextUp(targets, modality)]).toEqual([serves, at]);
  });
});

describe('a target after a 503', () => {
  it('is asked again after 5 s, and after twice as long each time in a row, up to 4 minutes', () => {
    let targets = ALL;
    let now = NOW;
    const waits: number[] = [];
    for (let strike = 0; strike < 8; strike++) {
      targets = cool(targets, 'vision', now, '503');
      const { downUntil } = find(targets, 'vision');
      expect([isUp(find(targets, 'vision'), downUntil - 1), isUp(find(targets, 'vision'), downUntil)]).toEqual([
        false,
        true,
      ]);
      waits.push(downUntil - now);
      now = downUntil;
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 240_000, 240_000]);
  });

  it('gets no further strike from packs that were under way', () => {
    const once = cooled(ALL, 'vision');
    expect(cool(once, 'vision', NOW + 4_999, '503')).toEqual(once);
  });

  it('is down for as long as the endpoint asks, and no shorter than it was', () => {
    const asked = cool(ALL, 'vision', NOW, '503', 60_000);
    expect(find(asked, 'vision')).toMatchObject({ downUntil: NOW + 60_000, minTries: ANY_TRIES });
    expect(find(cool(asked, 'vision', NOW, '503', 1_000), 'vision').downUntil).toBe(NOW + 60_000);
    expect(find(cooled(ALL, 'vision'), 'vision').minTries).toBe(0);
  });

  it('keeps the first 300 characters of the words', () => {
    expect(find(cool(ALL, 'vision', NOW, 'x'.repeat(1_000)), 'vision').why).toBe('x'.repeat(300));
  });

  it('begins anew after an answer', () => {
    const up = reviveTarget(cool(cooled(ALL, 'vision'), 'vision', NOW + 5_000, '503', 9_000), 'vision');
    expect(up).toEqual(ALL);
    expect(find(cooled(up, 'vision'), 'vision').downUntil).toBe(NOW + 5_000);
  });

  it('that was up stays the same table after an answer', () => {
    expect(reviveTarget(ALL, 'vision')).toBe(ALL);
  });

  it('is down with all others if their endpoint cannot be reached', () => {
    const all = coolEvery(ALL, NOW, 'refused', 7_000);
    expect(all.map(({ downUntil, why }) => [downUntil, why])).toEqual(ALL.map(() => [NOW + 7_000, 'refused']));
  });
});

describe('a target that is out', () => {
  const out = dropTarget(ALL, 'vision', '404: no such model');

  it('is never asked as things stand', () => {
    expect(find(out, 'vision').downUntil).toBe(OUT);
    expect(askedFor(out, 'vision', NOW + 1_000_000_000)).toEqual([]);
  });

  it('is tried once more if it was gone from the list and is there again, not if it was there all the time', () => {
    expect(find(applyList(out, LIST), 'vision').downUntil).toBe(OUT);
    expect(find(applyList(applyList(out, []), LIST), 'vision').downUntil).toBe(0);
  });
});

describe('a new list', () => {
  it('brings new targets and node counts, and keeps the health of those that are known', () => {
    const known = refuseModality(cooled(ALL, 'vision'), 'audio', 'audio', 'no sound');
    const targets = applyList(known, [
      { id: 'vision', nodes: 3, modality: 'vision' },
      { id: 'audio', nodes: 1, modality: 'audio' },
      { id: 'new', nodes: 2, modality: 'text' },
    ]);
    expect(targets.map(({ id, nodes }) => [id, nodes])).toEqual([
      ['text-small', 0],
      ['vision', 3],
      ['audio', 1],
      ['text-large', 0],
      ['new', 2],
    ]);
    expect(find(targets, 'vision').downUntil).toBe(NOW + 5_000);
    expect(find(targets, 'audio').refused).toEqual(['audio']);
  });

  it('of more than 200 gives the 200 with most nodes, in the order of the list', () => {
    const list = Array.from(
      { length: 300 },
      (_, n) => ({ id: `m${n}`, nodes: 1 + (n % 150), modality: 'text' }) as const,
    );
    const targets = applyList([], list);
    expect(targets).toHaveLength(200);
    expect(Math.min(...targets.map(({ nodes }) => nodes))).toBe(51);
    expect(ids(targets)).toEqual(ids(targets).toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))));
  });

  it('with other models each time leaves no more than 200 that can be asked', () => {
    const page = (from: number) =>
      Array.from({ length: 200 }, (_, n) => ({ id: `m${from + n}`, nodes: 1, modality: 'text' }) as const);
    expect(candidates(applyList(applyList([], page(0)), page(200)), 'text', NOW)).toHaveLength(200);
  });
});

describe('a target chosen by the user', () => {
  it.each(['text', 'vision', 'audio'] as const)('takes %s, whatever it is made for', (modality) => {
    expect(askedFor(chosenTarget('audio', LIST), modality)).toEqual(['audio']);
    expect(askedFor(chosenTarget('not-in-the-list', LIST), modality)).toEqual(['not-in-the-list']);
  });

  it('has the nodes of the list, and stays the only one', () => {
    const targets = chosenTarget('text-large', LIST);
    expect(targets.map(({ id, nodes }) => [id, nodes])).toEqual([['text-large', 12]]);
    expect(applyList(targets, [{ id: 'other', nodes: 90, modality: 'text' }])).toBe(targets);
  });

  it('is not asked again what it refused', () => {
    expect(askedFor(refuseModality(chosenTarget('m', []), 'm', 'audio', 'no'), 'audio')).toEqual([]);
  });
});

describe('the facts of another table', () => {
  it('are taken over, and the own health is kept', () => {
    const own = refuseModality(cooled(ALL, 'vision'), 'audio', 'audio', 'no sound');
    const theirs = applyList(cool(ALL, 'text-large', NOW, '503'), [
      ...LIST.slice(1).map((model) => ({ ...model, nodes: model.nodes + 1 })),
      { id: 'new', nodes: 4, modality: 'vision' },
    ]);
    const targets = adoptTargets(own, theirs);
    expect(targets.map(({ id, nodes, downUntil, refused }) => [id, nodes, downUntil, refused])).toEqual([
      ['text-small', 0, 0, []],
      ['vision', 21, NOW + 5_000, []],
      ['audio', 51, 0, ['audio']],
      ['text-large', 13, 0, []],
      ['new', 4, 0, []],
    ]);
  });

  it('do not bring back the words of a target that is up here', () => {
    const theirs = cool(ALL, 'vision', NOW, '503: no nodes available', 9_000);
    expect(adoptTargets(ALL, theirs)).toEqual(ALL);
  });

  it('give a target that is out one more try if they had lost it and have it again', () => {
    const gone = adoptTargets(dropTarget(ALL, 'vision', '404'), applyList(ALL, []));
    expect(find(gone, 'vision').downUntil).toBe(OUT);
    expect(find(adoptTargets(gone, ALL), 'vision').downUntil).toBe(0);
    expect(find(adoptTargets(dropTarget(ALL, 'vision', '404'), ALL), 'vision').downUntil).toBe(OUT);
  });

  it('decide which target is chosen, and which targets there are', () => {
    const chosen = chosenTarget('vision', LIST);
    expect(adoptTargets(ALL, chosen)).toEqual(chosen);
    expect(find(adoptTargets(chosen, ALL), 'vision').chosen).toBeUndefined();
    expect(ids(adoptTargets(chosen, ALL))).toEqual(ids(ALL));
  });
});
