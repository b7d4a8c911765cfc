import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { PrefixOrderWriter, promptBlocks } from '../../src/input/prefix-order.js';
import { readItemOrder } from '../../src/store/item-order.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { openFolder } from './store-world.js';

const A = 'a'.repeat(300);
const B = 'b'.repeat(300);

async function withOrder(chunks: readonly (readonly string[])[]) {
  const writer = new PrefixOrderWriter(chunks[0]?.length ?? 1);
  for (const prompt of chunks.flat()) writer.add(promptBlocks({ prompt }));
  const storage = await openFolder();
  await storage.putStream(runDirectory('r').order, Readable.from(writer.blocks()));
  const warnings: string[] = [];
  const read = (chunk: number, first: number, layout: string) =>
    readItemOrder(storage, 'r', { chunk, first, layout }, (message) => warnings.push(message));
  return { storage, read, warnings };
}

it('the order of each chunk is found as ranges of its items; that of the input is none', async () => {
  const { read, warnings } = await withOrder([
    [`${A}1`, B, `${A}2`, `${A}3`],
    ['x', 'y'],
  ]);
  expect(await read(0, 0, 't4')).toBe('0,2-3,1');
  expect(await read(1, 4, 't2')).toBeUndefined();
  expect(warnings).toEqual([]);
});

it('a run that does not group its prompts has none', async () => {
  const warnings: string[] = [];
  const chunk = { chunk: 0, first: 0, layout: 't2' };
  expect(await readItemOrder(await openFolder(), 'r', chunk, (text) => warnings.push(text))).toBeUndefined();
  expect(warnings).toEqual([]);
});

it('one that is damaged counts as none, and is named', async () => {
  const { storage, read, warnings } = await withOrder([[`${A}1`, B, `${A}2`]]);
  await storage.put(runDirectory('r').order, new Uint8Array(12));
  expect(await read(0, 0, 't3')).toBeUndefined();
  await storage.put(runDirectory('r').order, new Uint8Array(5));
  expect(await read(0, 0, 't3')).toBeUndefined();
  expect(warnings).toEqual(Array(2).fill(expect.stringContaining('manifest/order is damaged: chunk 0 is asked')));
});
