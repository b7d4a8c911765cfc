import { describe, expect, it } from 'vitest';
import { decodeOffsets, OFFSET_BYTES, OffsetsWriter, offsetsRange } from '../../src/input/offsets.js';
import { collect } from './helpers.js';

async function written(count: number): Promise<Buffer> {
  const writer = new OffsetsWriter();
  for (let item = 0; item < count; item++) writer.add(item * 10, 9, item + 1, item ^ 0xffff);
  return Buffer.concat(await collect(writer.records()));
}

describe('offsets', () => {
  it('gives the places of any consecutive items by one range, across blocks too', async () => {
    const object = await written(70_000);
    expect(object.length).toBe(70_000 * OFFSET_BYTES);
    const { start, end } = offsetsRange(65_535, 65_538);
    expect(decodeOffsets(object.subarray(start, end), 65_535)).toEqual([
      { item: 65_535, start: 655_350, bytes: 9, line: 65_536, crc: 0 },
      { item: 65_536, start: 655_360, bytes: 9, line: 65_537, crc: 0x1ffff },
      { item: 65_537, start: 655_370, bytes: 9, line: 65_538, crc: 0x1fffe },
    ]);
  });

  it('holds places in files far over 4 GiB, and is little-endian', async () => {
    const writer = new OffsetsWriter();
    writer.add(2 ** 45 + 1, 2 ** 31 + 5, 4_000_000_000, 0xffff_fffe);
    const [block = Buffer.alloc(0)] = await collect(writer.records());
    const [crc, line] = [0xffff_fffe, 4_000_000_000];
    expect(decodeOffsets(block)).toEqual([{ item: 0, start: 2 ** 45 + 1, bytes: 2 ** 31 + 5, line, crc }]);
    expect(Buffer.from(block).readDoubleLE(0)).toBe(2 ** 45 + 1);
    expect(Buffer.from(block).readUInt32LE(12)).toBe(4_000_000_000);
  });

  it('writes nothing for no items, and no empty block when one is just full', async () => {
    expect(await collect(new OffsetsWriter().records())).toEqual([]);
    expect((await written(65_536)).length).toBe(65_536 * OFFSET_BYTES);
  });

  it('refuses records that are cut off', async () => {
    const object = await written(2);
    expect(() => decodeOffsets(object.subarray(0, 30))).toThrow(RangeError);
  });
});
