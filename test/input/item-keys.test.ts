import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemKeys, KEY_RECORD_BYTES, KeyIndex, KeyRecords, PlainKeys } from '../../src/input/item-keys.js';

/** The key of a text; none for an empty one. */
const keyOf = (text: string): Uint8Array | undefined =>
  text === '' ? undefined : hash('sha256', text, 'buffer').subarray(0, 16);

function written(texts: readonly string[], unique = true): { firsts: (number | undefined)[]; bytes: Buffer } {
  const keys = unique ? new ItemKeys() : new PlainKeys();
  const firsts = texts.map((text) => keys.add(keyOf(text)));
  return { firsts, bytes: Buffer.from(keys.records().read(0, texts.length * KEY_RECORD_BYTES)) };
}

const texts = fc.array(fc.constantFrom('', 'a', 'b', 'c', 'd'), { maxLength: 60 });

describe('ItemKeys', () => {
  it('finds the first item of each key, and links it with those that are the same', () => {
    fc.assert(
      fc.property(texts, (all) => {
        const { firsts, bytes } = written(all);
        const records = new KeyRecords(bytes);
        expect(bytes).toHaveLength(all.length * KEY_RECORD_BYTES);
        all.forEach((text, item) => {
          const first = all.indexOf(text);
          const isTwin = text !== '' && first < item;
          expect(firsts[item]).toBe(isTwin ? first : undefined);
          const copies = text === '' ? 0 : all.filter((other) => other === text).length - 1;
          expect(records.link(item)).toBe(isTwin ? first : copies);
          expect(records.hasKey(item)).toBe(text !== '');
        });
      }),
    );
  });

  it('keeps the keys of a hundred thousand items apart, also beyond one block', () => {
    const all = Array.from({ length: 100_000 }, (_, at) => `text ${at % 90_000}`);
    const { firsts, bytes } = written(all);
    expect(firsts.findIndex((first) => first !== undefined)).toBe(90_000);
    expect(firsts[99_999]).toBe(9_999);
    const records = new KeyRecords(bytes);
    expect([records.link(9_999), records.link(10_000), records.link(99_999)]).toEqual([1, 0, 9_999]);
  });

  it('links nothing if items that are the same are all asked', () => {
    const { firsts, bytes } = written(['a', 'a', 'b'], false);
    expect(firsts).toEqual([undefined, undefined, undefined]);
    expect(new KeyRecords(bytes).link(0)).toBe(0);
  });
});

describe('KeyRecords', () => {
  it('has no key and no link of a record that is damaged, in another place, or cut off', () => {
    const { bytes } = written(['a', 'b', 'a']);
    for (let at = 0; at < KEY_RECORD_BYTES; at++) {
      const broken = Buffer.from(bytes);
      broken.writeUInt8(broken.readUInt8(at) ^ 1, at);
      const records = new KeyRecords(broken);
      expect([records.hasKey(0), records.link(0), records.hasKey(1)]).toEqual([false, undefined, true]);
    }
    const moved = new KeyRecords(bytes.subarray(KEY_RECORD_BYTES), 0);
    expect([moved.hasKey(0), moved.link(0)]).toEqual([false, undefined]);
    expect(new KeyRecords(bytes.subarray(KEY_RECORD_BYTES), 1).hasKey(1)).toBe(true);
    expect(new KeyRecords(bytes.subarray(0, -1)).hasKey(2)).toBe(false);
  });
});

describe('KeyIndex', () => {
  it('gives each item once, those with the same key in their order', () => {
    fc.assert(
      fc.property(texts, texts, fc.boolean(), (wanted, there, all) => {
        const index = new KeyIndex(new KeyRecords(written(wanted, false).bytes), wanted.length);
        const theirs = new KeyRecords(written(there, false).bytes);
        const left = wanted.map((text, item) => ({ text, item })).filter(({ text }) => text !== '');
        there.forEach((text, item) => {
          const same = left.filter((one) => one.text === text);
          const expected = all ? same : same.slice(0, 1);
          expect(index.take(theirs, item, all)).toEqual(expected.map((one) => one.item));
          for (const one of expected) left.splice(left.indexOf(one), 1);
        });
      }),
    );
  });
});
