import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapInOrder } from '../../src/cli/map-in-order.js';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) yield number;
}

test('results come in order, however long each takes, and never more at once than allowed', async () => {
  const turns = fc.array(fc.nat({ max: 6 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(turns, fc.integer({ min: 1, max: 8 }), async (lengths, atMost) => {
      let underWay = 0;
      let most = 0;
      const results: number[] = [];
      const action = async (number: number): Promise<number> => {
        most = Math.max(most, ++underWay);
        for (let left = lengths[number] ?? 0; left > 0; left--) await turn();
        underWay--;
        return number;
      };
      for await (const result of mapInOrder(numbers(lengths.length), atMost, action)) results.push(result);
      expect(results).toEqual(lengths.map((_, number) => number));
      expect(most).toBeLessThanOrEqual(atMost);
    }),
  );
});

test('a failure comes in its turn, and who stops early asks for no more', async () => {
  const asked: number[] = [];
  const action = async (number: number): Promise<number> => {
    asked.push(number);
    if (number === 2) throw new Error('two');
    return number;
  };
  const results: number[] = [];
  const all = async (): Promise<void> => {
    for await (const result of mapInOrder(numbers(10), 2, action)) results.push(result);
  };
  await expect(all()).rejects.toThrow('two');
  expect(results).toEqual([0, 1]);
  asked.length = 0;
  for await (const _first of mapInOrder(numbers(10), 3, action)) break;
  expect(asked).toEqual([0, 1, 2]);
});
