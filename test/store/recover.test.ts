import { describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { answerFacts } from '../../src/batch/part-facts.js';
import { failItems } from '../../src/store/fail-items.js';
import { writePart } from '../../src/store/merge.js';
import { readPartFacts } from '../../src/store/parts.js';
import { recoverChunk } from '../../src/store/recover.js';
import { listSegments, readOutcomes } from '../../src/store/segments.js';
import {
  answer,
  append,
  DIRECTORY,
  failedTry,
  failure,
  fiveItems,
  linesIn,
  partInput,
  RUN,
  type StoreWorld,
} from './store-world.js';

const recover = ({ storage, chunk, warnings }: StoreWorld, retryFailed = false) =>
  recoverChunk(storage, { run: RUN, chunk, retryFailed }, (message) => warnings.push(message));

const write = (world: StoreWorld, more: Parameters<typeof partInput>[1] = {}) =>
  writePart(world.storage, partInput(world, more), (message) => world.warnings.push(message));

const fail = (world: StoreWorld, items: string, error = '503: no nodes available') =>
  failItems(world.storage, { run: RUN, chunk: 0, items, target: 'm', error }, () => undefined);

describe('recoverChunk', () => {
  it.each([false, true])('finds nothing in a chunk without outcomes (failed items asked again: %s)', async (retry) => {
    const world = await fiveItems();
    expect(await recover(world, retry)).toEqual({ items: '', counts: NO_COUNTS });
    expect(await listSegments(world.storage, RUN, 0)).toEqual([]);
  });

  it('finds answers and failures of all segments, each item once, and counts their requests', async () => {
    const world = await fiveItems();
    await append(world, failedTry(0, 1, { tokens: 5 }), answer(0), failedTry(4, 1, { target: 'n' }));
    await append(world, answer(1), answer(0, { output: 'again' }), failure(3, { attempts: 2 }));
    const found = await recover(world);
    expect(found.part).toBeUndefined();
    expect(found.items).toBe('0-1,3');
    expect(found.counts).toMatchObject({
      ...{ ok: 2, failed: 1, failedByKind: { '500': 1 }, tokens: 6, wastedTokens: 5, requests: 6, retries: 2 },
      models: { m: { sent: 5, ok: 2, failed: 1 }, n: { sent: 1, ok: 0 } },
    });
    expect(await recover(world)).toEqual(found);
  });

  it('leads to the same part as if nothing had happened', async () => {
    const world = await fiveItems();
    await append(world, answer(0), failure(1));
    expect((await recover(world)).items).toBe('0-1');
    await append(world, answer(2), answer(3), answer(4));
    expect(await write(world)).toMatchObject({ counts: { ok: 4, failed: 1 } });
  });

  it('returns a chunk that is done with the counts of its part', async () => {
    const world = await fiveItems();
    await append(world, ...[0, 1, 2, 3].map((item) => answer(item)), failure(4));
    const { counts } = await write(world);
    expect(await recover(world)).toEqual({ part: { counts }, items: '', counts });
  });

  it('opens failed items again: old failures count no more, in one segment, and once', async () => {
    const world = await fiveItems();
    await append(world, answer(0), failure(1, { attempts: 3 }));
    await append(world, failedTry(2, 1), answer(3));
    const found = await recover(world, true);
    expect(found).toMatchObject({ items: '0,3', counts: { ok: 2, failed: 0, failedByKind: {}, requests: 6 } });
    expect(await listSegments(world.storage, RUN, 0)).toHaveLength(1);
    const index = await readOutcomes(world.storage, RUN, 0);
    expect(index.items()).toEqual([0, 3]);
    expect(index.answers.get(3)).toMatchObject({ at: 1003, ms: 10, result: { id: 4, tokens: 3 } });
    expect(await recover(world, true)).toMatchObject({ items: '0,3', counts: { ok: 2, requests: 2 } });
  });

  it('opens failed items of a part again, the answers kept with their facts and costs', async () => {
    const world = await fiveItems();
    await append(world, answer(0, { truncated: true }), answer(1), answer(2), failure(3), failure(4));
    await write(world, { counts: { ...NO_COUNTS, requests: 11 } });
    const before = await linesIn(world.storage, DIRECTORY.part(0));
    const found = await recover(world, true);
    expect(found).toMatchObject({ reopened: true, items: '0-2', counts: { ok: 3, failed: 0, requests: 11 } });
    await append(world, answer(3), failure(4, { error: '429: x' }));
    const counts = { ...found.counts, requests: 15 };
    const replaced = await write(world, { replace: true, counts });
    expect(replaced).toMatchObject({ counts: { ok: 4, failed: 1, truncated: 1, requests: 15 } });
    const after = await linesIn(world.storage, DIRECTORY.part(0));
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after.slice(3)).toEqual([
      expect.objectContaining({ output: 'answer 3' }),
      { id: 5, model: 'm', error: '429: x' },
    ]);
    const facts = await readPartFacts(world.storage, RUN, 0);
    expect(facts === undefined ? [] : [...answerFacts(facts).keys()]).toEqual([0, 1, 2, 3]);
    // A retry, after the segments are gone, finds that it was done.
    expect(await write(world, { replace: true, counts })).toEqual(replaced);
  });

  it('keeps what an execution that asked failed items again had got before it died', async () => {
    const world = await fiveItems();
    await append(world, answer(0), answer(1), answer(2), failure(3), failure(4));
    await write(world);
    await recover(world, true);
    await append(world, answer(3));
    const found = await recover(world, true);
    expect(found).toMatchObject({ reopened: true, items: '0-3', counts: { ok: 4, failed: 0 } });
    expect(await listSegments(world.storage, RUN, 0)).toHaveLength(1);
  });

  it('does not let an old part hide that the new one cannot be made', async () => {
    const world = await fiveItems();
    await append(world, answer(0), answer(1), answer(2), failure(3), failure(4));
    await write(world);
    const { counts } = await recover(world, true);
    const input = { replace: true, counts: { ...counts, requests: 2 } };
    await expect(write(world, input)).rejects.toThrow('2 have no outcome: items 3, 4');
    expect(await linesIn(world.storage, DIRECTORY.part(0))).toHaveLength(5);
  });
});

describe('failItems', () => {
  it('writes failures with the ids of the input and the attempts of the tries, and keeps what has an outcome', async () => {
    const world = await fiveItems();
    await append(world, answer(0), failedTry(1, 1, { target: 'a' }), failedTry(1, 2, { target: 'b' }), failure(2));
    const { counts } = await fail(world, '0-4');
    expect(counts).toMatchObject({
      ok: 1,
      failed: 4,
      failedByKind: { '503': 3, '500': 1 },
      models: { m: { failed: 4 } },
    });
    const index = await readOutcomes(world.storage, RUN, 0);
    expect(index.failure(1)).toMatchObject({
      id: 2,
      failure: { target: 'm', error: '503: no nodes available', attempts: 2, tried: ['a', 'b'] },
    });
    expect(await write(world, { counts })).toMatchObject({ counts: { ok: 1, failed: 4 } });
  });

  it('returns the same when it is done again', async () => {
    const world = await fiveItems();
    const first = await fail(world, '1,3');
    expect(await fail(world, '1,3')).toEqual(first);
    expect(await listSegments(world.storage, RUN, 0)).toHaveLength(1);
  });
});
