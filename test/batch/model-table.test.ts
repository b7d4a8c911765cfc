import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Modality } from '../../src/batch/modality.js';
import {
  candidates,
  chosenModel,
  clearDown,
  type ModelTable,
  markDown,
  markRefused,
  markUp,
  mergeModels,
  refreshModels,
  servesModality,
  weights,
} from '../../src/batch/model-table.js';
import type { Model } from '../../src/batch/models.js';

const NOW = 1_000_000;
const LIST: Model[] = [
  { id: 'text-small', nodes: 8, modality: 'text' },
  { id: 'vision', nodes: 20, modality: 'vision' },
  { id: 'audio', nodes: 50, modality: 'audio' },
  { id: 'text-large', nodes: 12, modality: 'text' },
];
const TABLE = refreshModels([], LIST);

const idsFor = (table: ModelTable, modality: Modality, now = NOW) =>
  candidates(table, modality, now).map(({ id }) => id);
const down = (table: ModelTable, ...ids: string[]) => ids.reduce((next, id) => markDown(next, id, NOW), table);
const downFor = (table: ModelTable, id: string, now: number) =>
  Math.max(0, (table.find((state) => state.id === id)?.downUntil ?? 0) - now);

describe('the models that are asked', () => {
  it('for text are all but those made for audio, most nodes first', () => {
    expect(idsFor(TABLE, 'text')).toEqual(['vision', 'text-large', 'text-small']);
  });

  it('for text are the audio models only when nothing else is up', () => {
    expect(idsFor(down(TABLE, 'vision', 'text-large'), 'text')).toEqual(['text-small']);
    expect(idsFor(down(TABLE, 'vision', 'text-large', 'text-small'), 'text')).toEqual(['audio']);
  });

  it('for images and sounds are those that take them, never another', () => {
    expect(idsFor(TABLE, 'vision')).toEqual(['vision']);
    expect(idsFor(TABLE, 'audio')).toEqual(['audio']);
    expect(idsFor(down(TABLE, 'vision'), 'vision')).toEqual([]);
  });

  it('with as many nodes come in the order of the list', () => {
    const table = refreshModels(
      [],
      [
        { id: 'b', nodes: 5, modality: 'text' },
        { id: 'a', nodes: 5, modality: 'text' },
        { id: 'c', nodes: 6, modality: 'text' },
      ],
    );
    expect(idsFor(table, 'text')).toEqual(['c', 'b', 'a']);
  });

  it('get items by their nodes', () => {
    expect(weights(TABLE, 'text', NOW)).toEqual([
      { model: 'vision', weight: 20 },
      { model: 'text-large', weight: 12 },
      { model: 'text-small', weight: 8 },
    ]);
  });

  it('are not those that refused the modality; other modalities are still asked', () => {
    const table = markRefused(markRefused(TABLE, 'vision', 'vision'), 'vision', 'vision');
    expect(idsFor(table, 'vision')).toEqual([]);
    expect(idsFor(table, 'text')).toContain('vision');
    expect(table.find(({ id }) => id === 'vision')?.refused).toEqual(['vision']);
    expect([servesModality(table, 'vision'), servesModality(table, 'text')]).toEqual([false, true]);
  });
});

describe('a model chosen by the user', () => {
  it.each(['text', 'vision', 'audio'] as const)('takes %s, whatever it is made for', (modality) => {
    expect(idsFor(chosenModel('audio', LIST), modality)).toEqual(['audio']);
    expect(idsFor(chosenModel('not-in-the-list', LIST), modality)).toEqual(['not-in-the-list']);
  });

  it('stays the only one when the list is read anew, and shows the nodes of the list', () => {
    const table = chosenModel('text-large', LIST);
    expect(table.map(({ id, nodes }) => [id, nodes])).toEqual([['text-large', 12]]);
    expect(refreshModels(table, [{ id: 'other', nodes: 90, modality: 'text' }])).toBe(table);
  });

  it('is not asked again what it refused', () => {
    expect(idsFor(markRefused(chosenModel('m', []), 'm', 'audio'), 'audio')).toEqual([]);
  });
});

describe('a model after a 503', () => {
  it('is asked again after 15 s, and after twice as long with each further one, up to 4 minutes', () => {
    let table = TABLE;
    let now = NOW;
    const waits: number[] = [];
    for (let strike = 0; strike < 7; strike++) {
      table = markDown(table, 'vision', now);
      waits.push(downFor(table, 'vision', now));
      now += downFor(table, 'vision', now);
      expect(idsFor(table, 'vision', now - 1)).toEqual([]);
      expect(idsFor(table, 'vision', now)).toEqual(['vision']);
    }
    expect(waits).toEqual([15_000, 30_000, 60_000, 120_000, 240_000, 240_000, 240_000]);
  });

  it('is not counted down again by packs that were under way', () => {
    const once = markDown(TABLE, 'vision', NOW);
    expect(markDown(once, 'vision', NOW + 5000)).toEqual(once);
  });

  it('begins anew with 15 s after an answer', () => {
    const twice = markDown(markDown(TABLE, 'vision', NOW), 'vision', NOW + 20_000);
    const later = NOW + 60_000;
    const again = markDown(markUp(twice, 'vision', later), 'vision', later + 1);
    expect(downFor(again, 'vision', later + 1)).toBe(15_000);
  });

  it('is not called up by a late answer from before', () => {
    const table = markDown(TABLE, 'vision', NOW);
    expect(markUp(table, 'vision', NOW + 1000)).toBe(table);
  });

  it('may be asked again when there was no other to wait for', () => {
    expect(idsFor(clearDown(down(TABLE, 'vision')), 'vision')).toEqual(['vision']);
  });
});

describe('a new look at the list', () => {
  it('brings new models and new node counts, and keeps what was learnt', () => {
    const learnt = markRefused(markDown(TABLE, 'vision', NOW), 'audio', 'audio');
    const table = refreshModels(learnt, [
      { id: 'vision', nodes: 3, modality: 'vision' },
      { id: 'audio', nodes: 1, modality: 'audio' },
      { id: 'new', nodes: 2, modality: 'text' },
    ]);
    expect(table.map(({ id, nodes }) => [id, nodes])).toEqual([
      ['text-small', 0],
      ['vision', 3],
      ['audio', 1],
      ['text-large', 0],
      ['new', 2],
    ]);
    expect(idsFor(table, 'text')).toEqual(['new']);
    expect(idsFor(table, 'audio')).toEqual([]);
    expect(downFor(table, 'vision', NOW)).toBe(15_000);
  });
});

describe('what two tables have learnt', () => {
  it('is joined: the model that is down, the refusals of both', () => {
    const one = markRefused(markDown(TABLE, 'vision', NOW), 'audio', 'audio');
    const joined = mergeModels(one, markRefused(TABLE, 'audio', 'text'));
    expect(downFor(joined, 'vision', NOW)).toBe(15_000);
    expect(joined.find(({ id }) => id === 'audio')?.refused.toSorted()).toEqual(['audio', 'text']);
  });

  it('tells that a model is up again', () => {
    const parent = markDown(TABLE, 'vision', NOW);
    const chunk = markUp(parent, 'vision', NOW + 16_000);
    const told = mergeModels(parent, chunk).find(({ id }) => id === 'vision');
    expect(told).toMatchObject({ downUntil: 0, strikes: 0 });
    expect(idsFor(mergeModels(chunk, parent), 'vision', NOW + 16_000)).toEqual(['vision']);
  });

  it('lets every chunk ask again when one has waited with no model left', () => {
    const parent = down(TABLE, 'vision', 'audio');
    expect(idsFor(mergeModels(parent, clearDown(parent)), 'vision')).toEqual(['vision']);
    expect(idsFor(mergeModels(clearDown(parent), parent), 'vision')).toEqual(['vision']);
  });

  it('has the models that only one of them has seen', () => {
    const chunk = refreshModels(TABLE, [...LIST, { id: 'new', nodes: 4, modality: 'vision' }]);
    expect(idsFor(mergeModels(TABLE, chunk), 'vision')).toEqual(['vision', 'new']);
    expect(idsFor(mergeModels(chunk, TABLE), 'vision')).toEqual(['vision', 'new']);
  });

  it('is the same on both sides once they have told each other', () => {
    const id = fc.constantFrom(...LIST.map((model) => model.id));
    const events = fc.array(fc.tuple(fc.constantFrom('down', 'up', 'refuse', 'clear'), id, fc.nat({ max: 90_000 })), {
      maxLength: 12,
    });
    const play = (steps: readonly (readonly [string, string, number])[]): ModelTable => {
      let now = NOW;
      return steps.reduce((table, [what, model, later]) => {
        now += later;
        if (what === 'down') return markDown(table, model, now);
        if (what === 'up') return markUp(table, model, now);
        return what === 'clear' ? clearDown(table) : markRefused(table, model, 'text');
      }, TABLE);
    };
    const facts = (table: ModelTable) =>
      table.map(({ refused, downUntil }) => ({ downUntil, refused: refused.toSorted() }));
    fc.assert(
      fc.property(events, events, (mine, yours) => {
        const [one, two] = [play(mine), play(yours)];
        const joined = mergeModels(one, two);
        expect(facts(mergeModels(two, one))).toEqual(facts(joined));
        expect(facts(mergeModels(joined, one))).toEqual(facts(joined));
        expect(facts(mergeModels(joined, two))).toEqual(facts(joined));
      }),
    );
  });
});
