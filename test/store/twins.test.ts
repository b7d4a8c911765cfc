import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endsOf, linesOf, NO_COUNTS } from '../../src/batch/counts.js';
import { askedAs, decodeLayout } from '../../src/batch/layout.js';
import { moveCursor, readCursor } from '../../src/store/cursor.js';
import { NewLines } from '../../src/store/new-lines.js';
import { partialLines } from '../../src/store/partial-lines.js';
import { recoverChunk } from '../../src/store/recover.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { MemoryStorage } from '../support/memory-storage.js';
import { answered, failed, KeptRun, parsedLines } from './kept-runs.js';

const stage = (prompts: readonly (string | { prompt: string; id: string })[], storage = new MemoryStorage()) =>
  KeptRun.stage(storage, 'run-1', prompts, { unique: true });

describe('items that are the same', () => {
  it('get the line of the first with their own ids, over chunks, and count as answered without a request', async () => {
    const run = await stage(['a', { prompt: 'a', id: 'x"y' }, 'b', 'c', { prompt: 'a', id: 'z' }, 'c', 'd']);
    await run.append(0, answered(0, 'A'), answered(2, 'B'), answered(3, 'C'));
    await run.append(1, answered(6, 'D'));
    // The later chunk may be done first.
    expect(await run.writePart(1)).toMatchObject({ ok: 1, copied: 0 });
    expect(await run.writePart(0)).toMatchObject({ ok: 3, copied: 3, copiedFailed: 0, tokens: 9 });
    expect((await run.assemble()).map(({ id, output, tokens }) => [id, output, tokens])).toEqual([
      [1, 'A', 3],
      ['x"y', 'A', 3],
      [3, 'B', 3],
      [4, 'C', 3],
      ['z', 'A', 3],
      [6, 'C', 3],
      [7, 'D', 3],
    ]);
  });

  it('are given to a reader once each, as soon as the part of the first is there', async () => {
    const run = await stage(['a', 'a', 'b', 'c', 'a', 'd', 'd']);
    const call = async (): Promise<unknown[]> => {
      const cursor = await readCursor(run.storage, run.id, 'c');
      const next = new NewLines(run.storage, run.id, await run.manifest(), cursor, () => undefined);
      const lines = await parsedLines(next.pieces());
      if (next.hasMoved) await moveCursor(run.storage, run.id, 'c', next.cursor);
      return lines.map(({ id, output, error }) => `${id} ${output ?? error}`);
    };
    await run.append(0, failed(0, '400: no'), answered(2, 'B'), answered(3, 'C'));
    await run.append(1, answered(5, 'D'));
    expect(await call()).toEqual(['1 400: no', '3 B', '4 C', '6 D']);
    await run.writePart(1);
    // Its first is in a chunk whose part is not there.
    expect(await call()).toEqual(['7 D']);
    await run.writePart(0);
    expect(await call()).toEqual(['2 400: no', '5 400: no']);
    expect(await call()).toEqual([]);
  });

  it('fail with the words of the first, and are counted by kind', async () => {
    const run = await stage(['a', 'a', 'a', 'b', 'a']);
    await run.append(0, failed(0, '400: never'), answered(3, 'B'));
    expect(await run.writePart(0)).toMatchObject({
      ok: 1,
      failed: 1,
      copied: 0,
      copiedFailed: 3,
      failedByKind: { 400: 4 },
    });
    await run.writePart(1);
    expect((await run.assemble()).map(({ id, error }) => [id, error])).toEqual([
      [1, '400: never'],
      [2, '400: never'],
      [3, '400: never'],
      [4, undefined],
      [5, '400: never'],
    ]);
  });

  it('get the answer of a retry that the first has had', async () => {
    const run = await stage(['a', 'b', 'a', 'b', 'a']);
    await run.append(0, failed(0), answered(1, 'B'));
    await run.writePart(0);
    await run.writePart(1);
    const [chunk] = (await run.manifest()).chunks;
    if (chunk === undefined) throw new Error('no chunk');
    const input = { run: run.id, chunk, retryFailed: true };
    const { items, reopened, counts } = await recoverChunk(run.storage, input, () => undefined);
    // What is not asked is counted when the part is written again.
    expect({ items, reopened, counts }).toMatchObject({
      items: '1',
      reopened: true,
      counts: { ok: 1, failed: 0, copied: 0, copiedFailed: 0 },
    });
    await run.append(0, answered(0, 'A'));
    const again = { replace: true, counts: { ...NO_COUNTS, requests: 9 } };
    expect(await run.writePart(0, again)).toMatchObject({ ok: 2, failed: 0, copied: 3, copiedFailed: 0 });
    expect((await run.assemble()).map(({ output }) => output)).toEqual(['A', 'B', 'A', 'B', 'A']);
  });

  it('have a line in partial results when the first is counted, and not before', async () => {
    const run = await stage(['a', 'a', 'b', 'c', 'a', 'd', 'd']);
    const partial = async () => (await parsedLines(partialLines(run.storage, run.id))).map(({ id }) => id);
    await run.append(0, answered(0, 'A'), answered(2, 'B'));
    await run.append(1, answered(5, 'D'));
    expect(await partial()).toEqual([1, 3, 6]);
    await run.append(0, answered(3, 'C'));
    const counts = endsOf(await run.writePart(0), 0);
    expect(await partial()).toEqual([1, 2, 3, 4, 5, 6]);
    // One more is answered in the chunk that is open.
    expect(linesOf(counts) + 1).toBe(6);
  });

  it('are not taken for others if what says so is damaged', async () => {
    const storage = new MemoryStorage();
    const run = await stage(['a', 'b', 'a'], storage);
    await run.append(0, answered(0, 'A'), answered(1, 'B'));
    const { keys } = runDirectory(run.id);
    const bytes = Buffer.from(await storage.get(keys));
    bytes.writeUInt32LE(1, 2 * 24 + 16);
    await storage.put(keys, bytes);
    await expect(run.writePart(0)).rejects.toThrow('does not say whose line item 2 gets');
  });

  it('lead to one line for each item, in input order, whichever are the same and whichever fail', async () => {
    const item = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { minLength: 1, maxLength: 40 }),
        fc.subarray(['a', 'c', 'e']),
        async (all, bad) => {
          const run = await stage(all);
          const { chunks } = await run.manifest();
          let ended = NO_COUNTS;
          for (const { chunk, first, layout } of chunks) {
            const asked = decodeLayout(layout).flatMap((code, at) => (askedAs(code) === undefined ? [] : [first + at]));
            const records = asked.map((at) => {
              const prompt = all[at] ?? '';
              return bad.includes(prompt) ? failed(at, `400: ${prompt}`) : answered(at, prompt);
            });
            await run.append(chunk, ...records);
            const counts = await run.writePart(chunk);
            ended = { ...ended, ok: ended.ok + counts.ok, failed: ended.failed + counts.failed };
            ended = {
              ...ended,
              copied: ended.copied + counts.copied,
              copiedFailed: ended.copiedFailed + counts.copiedFailed,
            };
          }
          const lines = await run.assemble();
          expect(lines.map(({ id, output, error }) => [id, output ?? error])).toEqual(
            all.map((prompt, at) => [at + 1, bad.includes(prompt) ? `400: ${prompt}` : prompt]),
          );
          const { ok, failed: lost, reused } = endsOf(ended, 0);
          expect(lost).toBe(all.filter((prompt) => bad.includes(prompt)).length);
          expect(ok).toBe(all.length - lost);
          expect(reused).toBe(ok - new Set(all.filter((prompt) => !bad.includes(prompt))).size);
        },
      ),
      { numRuns: 50 },
    );
  });
});
