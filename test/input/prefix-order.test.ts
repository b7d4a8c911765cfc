import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeOrder,
  ORDER_BYTES,
  PrefixOrderWriter,
  prefixOrder,
  promptBlocks,
} from '../../src/input/prefix-order.js';
import { scan } from './helpers.js';

const A = 'a'.repeat(300);
const B = 'b'.repeat(300);
const AX = `${A}${'x'.repeat(400)}`;

const orderOf = (prompts: readonly string[]): number[] =>
  prefixOrder(prompts.map((prompt) => promptBlocks({ prompt })));

describe('the order of a chunk', () => {
  it.each<[string, readonly string[], readonly number[]]>([
    [
      'puts those together that begin alike, in the order of their first items',
      [`${B}1`, `${A}1`, `${B}2`, 'x', `${A}2`],
      [0, 2, 1, 4, 3],
    ],
    ['is that of the input if all begin alike', [`${A}c`, `${A}a`, `${A}b`], [0, 1, 2]],
    ['is that of the input if none do', ['c', 'a', 'b'], [0, 1, 2]],
    ['puts those together within a group that share more', [`${AX}1`, `${A}1`, `${AX}2`, `${A}2`], [0, 2, 1, 3]],
    ['leaves short beginnings alone', [`${'a'.repeat(200)}1`, 'b', `${'a'.repeat(200)}2`], [0, 1, 2]],
    ['of one item is that item', ['a'], [0]],
    ['leaves equal prompts in their order', [A, B, A, B, A], [0, 2, 4, 1, 3]],
  ])('%s', (_what, prompts, expected) => {
    expect(orderOf(prompts)).toEqual(expected);
  });

  it('goes by the system prompt first', () => {
    const items = [
      { system: A, prompt: 'one' },
      { system: B, prompt: 'one' },
      { system: A, prompt: 'two' },
    ];
    expect(prefixOrder(items.map(promptBlocks))).toEqual([0, 2, 1]);
  });

  it('has each item once, and each item beside one that shares most with it', () => {
    const shared = (a: string, b: string): number => {
      let length = 0;
      while (length < a.length && length < b.length && a[length] === b[length]) length++;
      return length < 256 ? 0 : Math.floor(length / 64);
    };
    const part = fc.constantFrom('a', 'b', 'c').map((letter) => letter.repeat(320));
    const prompt = fc.array(part, { maxLength: 4 }).map((parts) => parts.join('') || 'short');
    fc.assert(
      fc.property(fc.array(prompt, { minLength: 1, maxLength: 30 }), (prompts) => {
        const order = orderOf(prompts);
        expect([...order].sort((a, b) => a - b)).toEqual(prompts.map((_, position) => position));
        const sorted = order.map((position) => prompts[position] ?? '');
        sorted.forEach((text, at) => {
          const before = sorted.slice(0, at).map((other) => shared(other, text));
          expect(at === 0 ? 0 : shared(sorted[at - 1] ?? '', text)).toBe(Math.max(0, ...before));
        });
      }),
    );
  });
});

describe('the object of an order', () => {
  it('has each chunk by itself, and items that are not asked', () => {
    const writer = new PrefixOrderWriter(3);
    for (const prompt of [`${A}1`, B, `${A}2`, undefined, `${A}3`]) {
      writer.add(prompt === undefined ? undefined : promptBlocks({ prompt }));
    }
    const bytes = Buffer.concat(writer.blocks());
    expect(decodeOrder(bytes.subarray(0, 3 * ORDER_BYTES), 3)).toEqual([0, 2, 1]);
    expect([...(decodeOrder(bytes.subarray(3 * ORDER_BYTES), 2, 3) ?? [])].sort()).toEqual([0, 1]);
  });

  it.each<[string, Uint8Array]>([
    ['cut', new Uint8Array(7)],
    ['with an item twice', new Uint8Array(8)],
    ['with an item that there is not', new Uint8Array([0, 0, 0, 0, 9, 0, 0, 0])],
  ])('counts as none if it is damaged: %s', (_what, bytes) => {
    expect(decodeOrder(bytes, 2)).toBeUndefined();
  });

  it('is found by a scan if it is wanted, and invalid lines have a place in it', async () => {
    const lines = [`{"prompt":"${B}"}`, `{"prompt":"${A}1"}`, 'no JSON', `{"prompt":"${B}2"}`].join('\n');
    const { order } = await scan(lines, { groupPrefix: true, skipInvalid: true });
    expect(decodeOrder(Buffer.concat(order), 4)).toEqual([0, 3, 1, 2]);
    expect((await scan(lines, { skipInvalid: true })).order).toEqual([]);
  });
});
