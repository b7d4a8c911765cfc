import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countItems, decodeItems, encodeItems, joinItems, splitItems } from '../../src/batch/item-ranges.js';

const itemLists = fc
  .array(fc.tuple(fc.nat({ max: 2_000_000 }), fc.integer({ min: 1, max: 60 })), { maxLength: 20 })
  .map((runs) => runs.flatMap(([first, count]) => Array.from({ length: count }, (_, step) => first + step)));

describe('ranges of items', () => {
  it.each<[number[], string]>([
    [[], ''],
    [[7], '7'],
    [[0, 1], '0-1'],
    [[340, 341, 342, 355], '340-342,355'],
    [[3, 1, 2], '3,1-2'],
    [[5, 5], '5,5'],
  ])('write %j as "%s"', (items, ranges) => {
    expect(encodeItems(items)).toBe(ranges);
    expect(decodeItems(ranges)).toEqual(items);
  });

  it('come back as they were, whatever the items and their order', () => {
    fc.assert(
      fc.property(itemLists, (items) => {
        expect(decodeItems(encodeItems(items))).toEqual(items);
      }),
    );
  });

  it('are counted, split anywhere and joined without being read', () => {
    fc.assert(
      fc.property(itemLists, fc.nat({ max: 800 }), (items, count) => {
        const ranges = encodeItems(items);
        const [head, rest] = splitItems(ranges, count);
        expect([decodeItems(head), decodeItems(rest)]).toEqual([items.slice(0, count), items.slice(count)]);
        expect(decodeItems(joinItems(head, rest))).toEqual(items);
        expect(countItems(ranges)).toBe(items.length);
      }),
    );
  });

  it('cost a few bytes for hundreds of neighbours', () => {
    expect(encodeItems(Array.from({ length: 500 }, (_, step) => 999_000 + step)).length).toBeLessThan(20);
  });

  it.each(['x', '1-', '-1', '1,,2', '1-2-3', '5-3', '1.5', ' 1'])('refuse "%s"', (ranges) => {
    expect(() => decodeItems(ranges)).toThrow(RangeError);
  });
});
