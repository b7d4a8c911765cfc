import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeItems, encodeItems } from '../../src/batch/item-ranges.js';
import {
  addOpen,
  countOpen,
  dueBy,
  newItems,
  nextRetryAt,
  type OpenItems,
  takeOpen,
} from '../../src/batch/open-items.js';

const NOW = 1_000_000;
const text = (items: string, more: Partial<OpenItems> = {}): OpenItems => ({ ...newItems('text', items), ...more });

describe('items with the same history', () => {
  it.each<[string, Partial<OpenItems>, Partial<OpenItems>, boolean]>([
    ['both new', {}, {}, true],
    ['another modality', {}, { modality: 'vision' }, false],
    ['refused by others', { refusedBy: ['a'] }, { refusedBy: ['b'] }, false],
    ['refused by the same', { refusedBy: ['a', 'b'] }, { refusedBy: ['a', 'b'] }, true],
    ['lost more often', {}, { losses: 1 }, false],
    ['recorded by nobody', { reread: true }, {}, false],
    ['one of them failed', {}, { retryAt: NOW }, false],
    ['due a second later', { retryAt: NOW }, { retryAt: NOW + 1_000 }, true],
    ['due more than a second later', { retryAt: NOW }, { retryAt: NOW + 1_001 }, false],
  ])('are joined, others are not: %s', (_what, one, other, isJoined) => {
    const groups = addOpen([text('1-2', one)], text('7', other));
    expect(groups.map(({ items }) => items)).toEqual(isJoined ? ['1-2,7'] : ['1-2', '7']);
  });

  it('wait until the last of them is due', () => {
    const joined = (one: number, other: number) =>
      addOpen([text('1', { retryAt: one })], text('2', { retryAt: other }));
    for (const groups of [joined(NOW + 900, NOW), joined(NOW, NOW + 900)]) {
      expect(groups).toMatchObject([{ items: '1,2', retryAt: NOW + 900 }]);
    }
  });

  it('that are none change nothing', () => {
    const groups = [text('1')];
    expect(addOpen(groups, text('', { losses: 2 }))).toBe(groups);
  });
});

describe('the first items of a group', () => {
  it('are taken, and the rest stays where the group was', () => {
    const group = text('5-9');
    const groups = [text('1', { losses: 1 }), group, newItems('vision', '3')];
    const { taken, groups: rest } = takeOpen(groups, group, 2);
    expect(taken).toEqual(text('5-6'));
    expect(rest.map(({ items }) => items)).toEqual(['1', '7-9', '3']);
  });

  it('are all of it where more are wanted, and the group is gone', () => {
    const group = text('5-9');
    expect(takeOpen([group], group, 50)).toEqual({ taken: group, groups: [] });
  });

  it('and the rest are all items, each once', () => {
    const items = fc.uniqueArray(fc.nat({ max: 200 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(items, fc.nat({ max: 70 }), (all, count) => {
        const group = text(encodeItems(all));
        const { taken, groups } = takeOpen([group], group, count);
        const rest = groups.flatMap((other) => decodeItems(other.items));
        expect([...decodeItems(taken.items), ...rest]).toEqual(all);
        expect(countOpen(groups)).toBe(all.length - Math.min(count, all.length));
      }),
    );
  });
});

describe('what may be asked', () => {
  const waiting = text('1', { retryAt: NOW + 1 });
  const due = text('2', { retryAt: NOW });
  const fresh = text('3');

  it('is what never failed, and then what failed long enough ago', () => {
    expect(dueBy([waiting, due, fresh], NOW)).toEqual([fresh, due]);
    expect(dueBy([waiting, due, fresh], NOW + 1)).toEqual([fresh, waiting, due]);
  });

  it('has a next time while something waits after a failed attempt', () => {
    expect(nextRetryAt([fresh, due], NOW)).toBeUndefined();
    expect(nextRetryAt([fresh, due, text('4', { retryAt: NOW + 9 }), waiting], NOW)).toBe(NOW + 1);
  });
});
