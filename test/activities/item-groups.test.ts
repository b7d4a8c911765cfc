import { describe, expect, it } from 'vitest';
import { countInputs, type GroupRule, halvesOf, ItemGroups } from '../../src/activities/item-groups.js';
import type { PackItem } from '../../src/store/pack-items.js';

function item(at: number, more: Partial<PackItem> = {}): PackItem {
  return { item: at, line: at + 1, id: at, prompt: `p${at}`, ...more };
}

function grouped(items: readonly PackItem[], ruleOf: (item: PackItem) => GroupRule): number[][] {
  const groups = new ItemGroups(ruleOf);
  const full = items.flatMap((one) => {
    const group = groups.add(one);
    return group === undefined ? [] : [group];
  });
  return [...full, ...groups.rest()].map((group) => group.map((one) => one.item));
}

describe('items that one request asks about', () => {
  it.each<[string, readonly PackItem[], number[][]]>([
    [
      'as many as it may have',
      [0, 1, 2, 3, 4].map((at) => item(at)),
      [
        [0, 1, 2],
        [3, 4],
      ],
    ],
    [
      'that have the same fields of their own',
      [item(0), item(1, { body: { dimensions: 3 } }), item(2), item(3, { body: { dimensions: 3 } })],
      [
        [0, 2],
        [1, 3],
      ],
    ],
    ['texts or tokens', [item(0), item(1, { input: [5, 6] }), item(2)], [[0, 2], [1]]],
    [
      'inputs, not items',
      [item(0), item(1, { input: ['a', 'b', 'c'] }), item(2, { input: ['a', 'b'] }), item(3)],
      [[1], [0, 2], [3]],
    ],
    ['no more inputs than it may have', [item(0, { input: ['a', 'b'] }), item(1, { input: ['c', 'd'] })], [[0], [1]]],
  ])('are %s', (_, items, groups) => {
    expect(grouped(items, () => ({ most: 3, attempts: 0 }))).toEqual(groups);
  });

  it('have had as many attempts', () => {
    const rule = ({ item: at }: PackItem): GroupRule => ({ most: 2, attempts: at % 2 });
    expect(grouped([item(0), item(1), item(2), item(3)], rule)).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('are halved until one is alone', () => {
    const halves = halvesOf({ items: [item(0), item(1), item(2, { input: ['a', 'b'] })] });
    expect(halves.map(({ items }) => items.map((one) => one.item))).toEqual([[0, 1], [2]]);
    expect(halves.map(({ halfOf }) => halfOf)).toEqual([
      { inputs: 4, answered: 0 },
      { inputs: 4, answered: 0 },
    ]);
    expect(halves[0]?.halfOf).toBe(halves[1]?.halfOf);
    expect(countInputs([item(0, { input: [1, 2] })])).toBe(1);
  });
});
