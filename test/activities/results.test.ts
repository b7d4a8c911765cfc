import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { type Part, putPart } from '../../src/activities/parts.js';
import { addCounts, countFailure, NO_COUNTS } from '../../src/batch/counts.js';
import { decodeItems } from '../../src/batch/item-ranges.js';
import { answerFacts, failureFacts, type PartFacts, partFactsSchema } from '../../src/batch/part-facts.js';
import type { FailedItem, PackProgress, PartInput } from '../../src/batch/work.js';
import { runDirectory } from '../../src/storage/run-directory.js';
import { type Storage, StorageError } from '../../src/storage/storage.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, failureOf, RUN } from '../support/activity-env.js';
import { FaultyStorage } from './faulty-storage.js';

const directory = runDirectory(RUN);
const CHUNK = { chunk: 0, first: 0, layout: 't5' };

/** Five items, read and staged. */
async function fiveItems(wrap?: (storage: Storage) => Storage): Promise<ActivityWorld> {
  const { url } = await simulator();
  const world = await ActivityWorld.open({ baseUrl: url, ...(wrap === undefined ? {} : { wrap }) });
  await world.prepare(['zero', { prompt: 'one', id: 'my "id"' }, 'two', 'three', 'four']);
  return world;
}

function failed(item: number, more: Partial<FailedItem> = {}): FailedItem {
  return { item, model: 'qwen3.5:9b', error: '500: broken', attempts: 4, tried: ['qwen3.5:9b'], ...more };
}

/** What a chunk hands to `writePart` after these packs and failures. */
function part(
  packs: readonly PackProgress[],
  failures: readonly FailedItem[] = [],
  more: Partial<PartInput> = {},
): PartInput {
  const ok = packs.reduce((sum, pack) => addCounts(sum, { ...NO_COUNTS, ok: pack.ok, tokens: pack.tokens }), NO_COUNTS);
  return {
    run: RUN,
    chunk: CHUNK,
    segments: packs.flatMap(({ segments }) => segments),
    failures,
    detail: false,
    counts: failures.reduce((counts, { model, error }) => countFailure(counts, model, error), ok),
    ...more,
  };
}

async function lines(world: ActivityWorld, key = directory.part(0)): Promise<Record<string, unknown>[]> {
  const text = await world.text(key);
  expect(text.endsWith('\n')).toBe(true);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function partFactsOf(world: ActivityWorld): Promise<PartFacts> {
  return partFactsSchema.parse(JSON.parse(await world.text(directory.partFacts(0))));
}

describe('writePart', () => {
  it('merges answers and failures in the order of the input', async () => {
    const world = await fiveItems();
    const packs = [await world.infer('3-4'), await world.infer('0', {}, { activityId: 'pack-2' })];
    const input = part(packs, [failed(2), failed(1, { model: '', error: '503: no nodes available' })]);
    expect(await world.run('writePart', input)).toEqual({ counts: input.counts });
    const written = await lines(world);
    expect(written.map(({ id }) => id)).toEqual([1, 'my "id"', 3, 4, 5]);
    expect(written.map((line) => Object.keys(line).join())).toEqual([
      'id,model,output,tokens',
      'id,model,error',
      'id,model,error',
      'id,model,output,tokens',
      'id,model,output,tokens',
    ]);
    expect(written[1]).toEqual({ id: 'my "id"', model: null, error: '503: no nodes available' });
    expect(written[2]).toEqual({ id: 3, model: 'qwen3.5:9b', error: '500: broken' });
  });

  it('keeps when and how fast the answers came, and how often the failed items were asked', async () => {
    const before = Date.now();
    const world = await fiveItems();
    const packs = [await world.infer('3-4'), await world.infer('0', { maxTokens: 1 }, { activityId: 'pack-2' })];
    const input = part(packs, [
      failed(1, { model: '', attempts: 0, tried: [] }),
      failed(2, { tried: ['a', 'b', 'a'] }),
    ]);
    await world.run('writePart', input);
    const facts = await partFactsOf(world);
    const answers = answerFacts(facts);
    expect([...answers.keys()]).toEqual([0, 3, 4]);
    for (const { at = 0, ms = -1 } of answers.values()) {
      expect(at).toBeGreaterThanOrEqual(before);
      expect(at).toBeLessThanOrEqual(Date.now());
      expect(ms).toBeGreaterThanOrEqual(0);
    }
    expect(facts.truncated).toEqual([0]);
    expect([...failureFacts(facts).values()]).toEqual([
      { item: 1, attempts: 0, tried: [] },
      { item: 2, attempts: 4, tried: ['a', 'b'] },
    ]);
  });

  it('knows no times of answers that an earlier version wrote', async () => {
    const world = await fiveItems();
    const old = [0, 1, 2, 3, 4].map((item) => {
      const result = { id: item + 1, model: 'm', output: 'old', tokens: 1 };
      return `${JSON.stringify({ segment: 'old/1', item, result })}\n`;
    });
    await world.storage.put(directory.block(0, 'old'), old.join(''));
    const input = { ...part([]), segments: ['old/1'], counts: { ...NO_COUNTS, ok: 5, tokens: 5 } };
    await world.run('writePart', input);
    expect(await lines(world)).toHaveLength(5);
    expect(answerFacts(await partFactsOf(world)).size).toBe(0);
  });

  it('says with detail how often and whom a failed item was asked', async () => {
    const world = await fiveItems();
    const failures = [0, 1, 2, 3, 4].map((item) => failed(item, { tried: ['a', 'b', 'a', 'qwen3.5:9b'] }));
    await world.run('writePart', part([], failures, { detail: true }));
    expect((await lines(world))[4]).toEqual({
      id: 5,
      model: 'qwen3.5:9b',
      error: '500: broken',
      attempts: 4,
      models_tried: ['a', 'b', 'qwen3.5:9b'],
    });
  });

  it('writes an error line for each invalid line that was skipped', async () => {
    const { url } = await simulator();
    const world = await ActivityWorld.open({ baseUrl: url });
    const input = await world.file('in.jsonl', '{"prompt":"zero"}\nnot json\n{"prompt":"two"}\n');
    await world.run('readManifest', { run: RUN, batch: { input, options: { skipInvalid: true } } });
    const { chunks } = await world.run('readChunks', { run: RUN, from: 0 });
    const [chunk = CHUNK] = chunks;
    const merged = part([await world.infer('0,2')]);
    const counts = countFailure(merged.counts, '', 'invalid: ');
    await world.run('writePart', { ...merged, chunk, counts });
    const written = await lines(world);
    expect(written.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(written[1]).toMatchObject({ id: 2, model: null, error: expect.stringMatching(/^invalid: /) });
  });

  it('writes an item once that two recorded segments have', async () => {
    const world = await fiveItems();
    const first = await world.infer('0-2');
    const second = await world.infer('2-4', {}, { activityId: 'pack-2' });
    const input = part([first, second]);
    const counts = { ...input.counts, ok: 5 };
    await world.run('writePart', { ...input, counts, segments: [...input.segments, ...first.segments] });
    expect((await lines(world)).map(({ id }) => id)).toEqual([1, 'my "id"', 3, 4, 5]);
  });

  it('keeps the failure of an item whose answer another segment happens to have', async () => {
    const world = await fiveItems();
    const packs = [await world.infer('0-4')];
    const input = part(packs, [failed(2)]);
    await world.run('writePart', { ...input, counts: { ...input.counts, ok: 4 } });
    expect((await lines(world)).map(({ error }) => error)).toEqual([
      undefined,
      undefined,
      '500: broken',
      undefined,
      undefined,
    ]);
  });

  it('ignores segments that nobody recorded', async () => {
    const world = await fiveItems();
    const recorded = await world.infer('0-4');
    await world.storage.put(
      directory.block(0, '0-zombie'),
      '{"segment":"given-up","item":0,"result":{"id":1,"model":"m","output":"late","tokens":1}}\n',
    );
    await world.run('writePart', part([recorded]));
    expect((await lines(world))[0]?.output).not.toBe('late');
  });

  it('may be done again: the part stays, the segments are gone', async () => {
    const world = await fiveItems();
    const input = part([await world.infer('0-4')]);
    const first = await world.run('writePart', input);
    const written = await world.text(directory.part(0));
    expect(await world.blockKeys()).toEqual([]);
    expect(await world.run('writePart', input, { attempt: 2 })).toEqual(first);
    expect(await world.text(directory.part(0))).toBe(written);
  });

  it('tells the counts of the part that is there, and not of the answers that came too late for it', async () => {
    const world = await fiveItems();
    const input = part([await world.infer('0-4')]);
    await world.run('writePart', input);
    const again = part(
      [],
      [0, 1, 2, 3, 4].map((item) => failed(item)),
    );
    expect(await world.run('writePart', again)).toEqual({ counts: input.counts });
  });

  it.each<[string, (input: PartInput) => PartInput]>([
    ['an item has neither answer nor error', (input) => ({ ...input, failures: [] })],
    ['more was counted than is there', (input) => ({ ...input, counts: { ...input.counts, ok: 5 } })],
    ['less was counted than is there', (input) => ({ ...input, counts: { ...input.counts, failed: 0 } })],
    ['a segment was not recorded', (input) => ({ ...input, segments: input.segments.slice(1) })],
    ['a failure is of another chunk', (input) => ({ ...input, chunk: { ...CHUNK, layout: 't4' } })],
  ])('fails loudly when %s', async (_what, spoil) => {
    const world = await fiveItems();
    const packs = [await world.infer('0-1'), await world.infer('2-3', {}, { activityId: 'pack-2' })];
    const failure = await failureOf(world.run('writePart', spoil(part(packs, [failed(4)]))));
    expect(failure).toMatchObject({ type: 'ReconciliationFailed', nonRetryable: true });
    expect(await world.storage.size(directory.part(0))).toBeUndefined();
    expect(await world.blockKeys()).not.toEqual([]);
  });

  it('lets another attempt win that has written the part and removed the segments meanwhile', async () => {
    let rival = async (): Promise<void> => undefined;
    class Raced extends FaultyStorage {
      override async get(key: string): Promise<Uint8Array> {
        if (key.includes('/segments/')) await rival();
        return await super.get(key);
      }
    }
    const world = await fiveItems((storage) => new Raced(storage, () => false));
    const other = await world.beside({ baseUrl: 'http://127.0.0.1:9/v1' });
    const input = part([await world.infer('0-4')]);
    rival = async () => {
      rival = async () => undefined;
      await other.run('writePart', input);
    };
    expect(await world.run('writePart', input)).toEqual({ counts: input.counts });
    expect(await lines(world)).toHaveLength(5);
  });

  it('fails when a recorded segment is gone and there is no part', async () => {
    const world = await fiveItems();
    const input = part([await world.infer('0-4')]);
    await world.storage.removeAll(directory.segments(0));
    expect(await failureOf(world.run('writePart', input))).toMatchObject({
      type: 'ReconciliationFailed',
      nonRetryable: true,
    });
  });

  it('that meets a full disk is tried again', async () => {
    const world = await fiveItems(
      (storage) => new FaultyStorage(storage, (call, key) => call === 'put' && key.includes('/parts/')),
    );
    const input = part([await world.infer('0-4')]);
    expect(await failureOf(world.run('writePart', input))).toMatchObject({
      type: 'StorageUnavailable',
      nonRetryable: false,
    });
    expect(await world.blockKeys()).not.toEqual([]);
  });
});

describe('recoverChunk', () => {
  const recover = (world: ActivityWorld) => world.run('recoverChunk', { run: RUN, chunk: CHUNK, retryFailed: false });

  it('finds nothing where nothing was done', async () => {
    expect(await recover(await fiveItems())).toEqual({ segments: [], items: '', counts: NO_COUNTS });
  });

  it('finds the answers in segments, each item once', async () => {
    const world = await fiveItems();
    await world.infer('0-1');
    await world.infer('1,3', {}, { activityId: 'pack-2' });
    const found = await recover(world);
    expect((await world.records(found.segments)).map(({ item }) => item)).toEqual([0, 1, 3]);
    expect(decodeItems(found.items)).toEqual([0, 1, 3]);
    expect(found.counts).toMatchObject({ ok: 3, failed: 0, requests: 3, models: { 'qwen3.5:9b': { ok: 3 } } });
    expect(found.part).toBeUndefined();
  });

  it('may be done again, and finds each item once still', async () => {
    const world = await fiveItems();
    await world.infer('0-1');
    await recover(world);
    const again = await world.run('recoverChunk', { run: RUN, chunk: CHUNK, retryFailed: false }, { attempt: 2 });
    expect(again).toMatchObject({ items: '0-1', counts: { ok: 2 } });
    expect((await world.records(again.segments)).map(({ item }) => item)).toEqual([0, 1]);
  });

  it('leaves out what an attempt of the earlier execution writes after it', async () => {
    const world = await fiveItems();
    const earlier = await world.infer('0-1');
    const { segments } = await recover(world);
    const late = `{"segment":"${earlier.segments[0]}","item":2,"result":{"id":3,"model":"m","output":"late","tokens":1}}\n`;
    await world.storage.put(directory.block(0, 'late'), late);
    expect((await world.records(segments)).map(({ item }) => item)).toEqual([0, 1]);
  });

  it('leads to the same part as if nothing had happened', async () => {
    const world = await fiveItems();
    await world.infer('0-1');
    const { segments, items, counts } = await recover(world);
    expect(items).toBe('0-1');
    const rest = await world.infer('2-4', {}, { activityId: 'pack-9' });
    const input = part([rest]);
    await world.run('writePart', {
      ...input,
      segments: [...segments, ...input.segments],
      counts: addCounts(counts, input.counts),
    });
    expect((await lines(world)).map(({ id }) => id)).toEqual([1, 'my "id"', 3, 4, 5]);
    expect([...answerFacts(await partFactsOf(world)).keys()]).toEqual([0, 1, 2, 3, 4]);
  });

  it('finds a chunk that is done, with its counts', async () => {
    const world = await fiveItems();
    const input = part([await world.infer('0-3')], [failed(4)]);
    await world.run('writePart', input);
    const { part: done } = await recover(world);
    expect(done?.counts).toEqual(input.counts);
  });

  it('does not take a chunk for done whose part was never written', async () => {
    const world = await fiveItems();
    await world.infer('0-4');
    await world.storage.put(directory.partCounts(0), JSON.stringify(NO_COUNTS));
    expect(await recover(world)).toMatchObject({ segments: [expect.any(String)], items: '0-4' });
  });
});

const partOf = (text: string): Part => ({ content: Buffer.from(text), counts: NO_COUNTS });

describe('assembleResults', () => {
  const summary = {
    runId: RUN,
    state: 'completed' as const,
    items: 3,
    ok: 3,
    failed: 0,
    skipped: 0,
    cancelled: 0,
    failedByKind: {},
    truncated: 0,
    empty: 0,
    tokens: 9,
    wastedTokens: 0,
    requests: 3,
    retries: 0,
    fallbacks: 0,
    startedAt: 1,
    endedAt: 2,
    models: [],
  };

  it('joins the parts in order and writes the summary beside them, again and again the same', async () => {
    const world = await fiveItems();
    for (const chunk of [11, 2, 0, 1]) await putPart(world.storage, RUN, chunk, partOf(`{"id":${chunk}}\n`));
    for (const attempt of [1, 2]) {
      const { results } = await world.run('assembleResults', { run: RUN, chunks: 3, summary }, { attempt });
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
        override async get(key: string): Promise<Uint8Array> {
          if (key === directory.part(1)) cancel();
          read.push(key);
          return await super.get(key);
        }
      }
      const world = await fiveItems((storage) => new Left(storage, () => false));
      for (const chunk of [0, 1, 2, 3]) await putPart(world.storage, RUN, chunk, partOf(`{"id":${chunk}}\n`));
      const input = { run: RUN, chunks: 4, summary };
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
    await putPart(world.storage, RUN, 0, partOf('{"id":0}\n'));
    const failure = await failureOf(world.run('assembleResults', { run: RUN, chunks: 2, summary }));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: true });
    expect(failure.message).toContain('/parts/1.json');
    expect(await world.storage.size(directory.results)).toBeUndefined();
    expect(failure.cause).not.toBeInstanceOf(StorageError);
  });
});
