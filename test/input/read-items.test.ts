import { describe, expect, it } from 'vitest';
import { decodeOffsets, type ItemOffset } from '../../src/input/offsets.js';
import { type ReadRange, readItems, readItemsInOrder } from '../../src/input/read-items.js';
import { collect, scan } from './helpers.js';

async function stored(text: string): Promise<{ reads: [number, number][]; offsets: ItemOffset[]; read: ReadRange }> {
  const reads: [number, number][] = [];
  const bytes = Buffer.from(text);
  const read: ReadRange = async (start, end) => {
    reads.push([start, end]);
    return bytes.subarray(start, end);
  };
  return { reads, offsets: decodeOffsets(Buffer.concat(await collect((await scan(text)).offsets))), read };
}

describe('reading items back', () => {
  it('gives prompts, ids and attachments; no id is the line number', async () => {
    const text = '{"prompt":"é"}\n\n{"prompt":"b","id":"x"}\r\n{"id":7,"prompt":"c","attachment":"https://e.com/a"}';
    const { offsets, read, reads } = await stored(text);
    expect(await collect(readItems(read, offsets))).toEqual([
      { item: 0, line: 1, id: 1, prompt: 'é' },
      { item: 1, line: 3, id: 'x', prompt: 'b' },
      { item: 2, line: 4, id: 7, prompt: 'c', attachments: ['https://e.com/a'] },
    ]);
    expect(reads).toHaveLength(1);
  });

  it('does not read along what lies between items that are far apart, nor more than 1 MiB at once', async () => {
    const line = `{"prompt":"${'x'.repeat(400_000)}"}`;
    const { offsets, read, reads } = await stored(Array(4).fill(line).join('\n'));
    const some = offsets.filter(({ item }) => item !== 1);
    expect((await collect(readItems(read, some))).map(({ item }) => item)).toEqual([0, 2, 3]);
    expect(reads.map(([start, end]) => end - start)).toEqual([line.length, 2 * line.length + 1]);
    reads.length = 0;
    await collect(readItems(read, offsets));
    expect(reads).toHaveLength(2);
  });

  it('tells when the input is no longer what was checked', async () => {
    const { offsets } = await stored('{"prompt":"a"}\n{"prompt":"b"}\n');
    const inputs = [
      '{"prompt":"a"}\n{"prompt":5}   \n',
      '{"prompt":"a"}\n{"prom',
      '{"prompt":"a"}\n{"prompt":"c"}\n',
      '{"prompt":"a"}\n{"prompt":"a"}\n',
    ];
    for (const input of inputs) {
      const read = async (start: number, end: number) => Buffer.from(input).subarray(start, end);
      const items = readItems(read, offsets, 'input.jsonl');
      expect((await items.next()).value).toMatchObject({ prompt: 'a' });
      await expect(items.next()).rejects.toMatchObject({
        code: 'CHANGED',
        message: expect.stringContaining('input.jsonl:2: the line has changed since it was checked'),
      });
    }
  });
});

describe('reading items back in another order', () => {
  it('gives them in that order, with as few reads as in the order of the input', async () => {
    const { offsets, read, reads } = await stored(
      ['a', 'b', 'c', 'd'].map((prompt) => `{"prompt":"${prompt}"}`).join('\n'),
    );
    const wanted = [2, 0, 3].flatMap((item) => offsets[item] ?? []);
    expect((await collect(readItemsInOrder(read, wanted))).map(({ item }) => item)).toEqual([2, 0, 3]);
    expect(reads).toHaveLength(1);
  });

  it('has no more than 1 MiB of them in memory, unless one is longer', async () => {
    const line = `{"prompt":"${'x'.repeat(400_000)}"}`;
    const { offsets, read, reads } = await stored(Array(5).fill(line).join('\n'));
    const wanted = [4, 1, 3, 0, 2].flatMap((item) => offsets[item] ?? []);
    expect((await collect(readItemsInOrder(read, wanted))).map(({ item }) => item)).toEqual([4, 1, 3, 0, 2]);
    expect(Math.max(...reads.map(([start, end]) => end - start))).toBeLessThanOrEqual(1 << 20);
    expect(await collect(readItemsInOrder(read, []))).toEqual([]);
  });
});
