import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CancelledFailure } from '@temporalio/common';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { partFacts } from '../../src/batch/part-facts.js';
import { type Storage, StorageError } from '../../src/storage/storage.js';
import { putPart } from '../../src/store/parts.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { simulator } from '../simulator/harness.js';
import { answer, failure } from '../store/store-world.js';
import { ActivityWorld, CHAIN, failureOf, RUN } from '../support/activity-env.js';
import { summaryOf } from '../support/summary.js';
import { FaultyStorage } from './faulty-storage.js';

const directory = runDirectory(RUN);
const CHUNK = { chunk: 0, first: 0, layout: 't5' };
const PART = { run: RUN, chunk: CHUNK, detail: false, counts: NO_COUNTS };

/** Five items, read and staged. */
async function fiveItems(wrap?: (storage: Storage) => Storage): Promise<ActivityWorld> {
  const { url } = await simulator();
  const world = await ActivityWorld.open({ baseUrl: url, ...(wrap === undefined ? {} : { wrap }) });
  await world.prepare(['zero', { prompt: 'one', id: 'my "id"' }, 'two', 'three', 'four']);
  return world;
}

async function lines(world: ActivityWorld, key: string): Promise<unknown[]> {
  const text = await world.text(key);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function put(world: ActivityWorld, chunk: number): Promise<void> {
  const content = Readable.from([Buffer.from(`{"id":${chunk}}\n`)]);
  const facts = partFacts(chunk, 1, new Map(), []);
  await putPart(world.storage, RUN, chunk, { lines: content, facts, counts: NO_COUNTS });
}

describe('the activities of a chunk', () => {
  it('write its part, and find it again', async () => {
    const world = await fiveItems();
    await world.append(answer(0), answer(1), failure(2));
    expect(await world.run('recoverChunk', { run: RUN, chunk: CHUNK, retryFailed: false })).toMatchObject({
      items: '0-2',
    });
    const failing = { run: RUN, chunk: 0, items: '3-4', target: '', error: '503: no nodes available' };
    expect(await world.run('failItems', failing)).toMatchObject({ counts: { failed: 2 } });
    const { counts } = await world.run('writePart', PART);
    expect(counts).toMatchObject({ ok: 2, failed: 3 });
    const found = await world.run('recoverChunk', { run: RUN, chunk: CHUNK, retryFailed: false });
    expect(found.part?.counts).toEqual(counts);
  });

  it('fail for good when an item has no outcome', async () => {
    const world = await fiveItems();
    await world.append(answer(0));
    const failed = await failureOf(world.run('writePart', PART));
    expect(failed).toMatchObject({ type: 'ReconciliationFailed', nonRetryable: true });
    expect(failed.message).toContain('items 1, 2, 3, 4');
  });

  it('are tried again when the disk is full', async () => {
    const world = await fiveItems(
      (storage) => new FaultyStorage(storage, (call, key) => call === 'putStream' && key.includes('/parts/')),
    );
    await world.append(...[0, 1, 2, 3, 4].map((item) => answer(item)));
    const failed = await failureOf(world.run('writePart', PART));
    expect(failed).toMatchObject({ type: 'StorageUnavailable', nonRetryable: false });
  });
});

describe('assembleResults', () => {
  const summary = summaryOf(RUN, 3);

  it('joins the parts in order and writes the summary beside them, again and again the same', async () => {
    const world = await fiveItems();
    for (const chunk of [11, 2, 0, 1]) await put(world, chunk);
    for (const attempt of [1, 2]) {
      const { results } = await world.run(
        'assembleResults',
        { run: RUN, chain: CHAIN, chunks: 3, summary },
        { attempt },
      );
      expect(results).toBe(directory.results);
      expect(await world.text(results)).toBe('{"id":0}\n{"id":1}\n{"id":2}\n');
      expect(JSON.parse(await world.text(directory.summary))).toEqual(summary);
    }
  });

  it.each(['WORKER_SHUTDOWN', 'CANCELLED', 'TIMED_OUT'] as const)(
    'ends between two parts at %s, and leaves nothing',
    async (why) => {
      let cancel: () => void = () => undefined;
      const read: string[] = [];
      class Left extends FaultyStorage {
        override async stream(key: string): Promise<Readable> {
          if (key === directory.part(1)) cancel();
          read.push(key);
          return await super.stream(key);
        }
      }
      const world = await fiveItems((storage) => new Left(storage, () => false));
      for (const chunk of [0, 1, 2, 3]) await put(world, chunk);
      const input = { run: RUN, chain: CHAIN, chunks: 4, summary };
      const onStart = (environment: MockActivityEnvironment): void => {
        cancel = () => environment.cancel(why);
      };
      await expect(world.run('assembleResults', input, { onStart })).rejects.toThrow(CancelledFailure);
      expect(read).toContain(directory.part(1));
      expect(read).not.toContain(directory.part(2));
      expect(await world.storage.size(directory.results)).toBeUndefined();
      expect(await world.storage.size(directory.summary)).toBeUndefined();
      expect(await readdir(join(world.folder, 'storage', '.tmp'))).toEqual([]);
      cancel = () => undefined;
      await world.run('assembleResults', input, { attempt: 2 });
      expect(await lines(world, directory.results)).toHaveLength(4);
    },
  );

  it('writes no results when a part is missing', async () => {
    const world = await fiveItems();
    await put(world, 0);
    const failure = await failureOf(world.run('assembleResults', { run: RUN, chain: CHAIN, chunks: 2, summary }));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: true });
    expect(failure.message).toContain('/parts/1.json');
    expect(await world.storage.size(directory.results)).toBeUndefined();
    expect(failure.cause).not.toBeInstanceOf(StorageError);
  });
});
