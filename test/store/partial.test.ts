import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { describeStoredRun } from '../../src/store/describe-run.js';
import { writePart } from '../../src/store/merge.js';
import { openChunk, partialLines } from '../../src/store/partial-lines.js';
import { putSettings, readStoredSettings } from '../../src/store/settings.js';
import { putSummary } from '../../src/store/summary.js';
import { summaryOf } from '../support/summary.js';
import {
  answer,
  append,
  failedTry,
  failure,
  fiveItems,
  openFolder,
  partInput,
  RUN,
  type StoreWorld,
  stage,
} from './store-world.js';

async function partial({ storage }: Pick<StoreWorld, 'storage'>): Promise<Record<string, unknown>[]> {
  return (await text(partialLines(storage, RUN)))
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

describe('the lines of a run so far', () => {
  it('are none where nothing is staged', async () => {
    expect(await partial({ storage: await openFolder() })).toEqual([]);
  });

  it('are the answers, failures and invalid lines of chunks that are not finished, in input order', async () => {
    const world = await stage(['zero', 'one', '!bad', 'three']);
    await append(world, answer(3), failure(1), failedTry(0, 1));
    expect(await partial(world)).toEqual([
      { id: 2, model: 'm', error: '500: broken' },
      { id: 3, model: null, error: expect.stringMatching(/^invalid: /) },
      { id: 4, model: 'm', output: 'answer 3', tokens: 3 },
    ]);
    const open = await openChunk(world.storage, RUN, world.chunk);
    expect([...(open?.lines.keys() ?? [])]).toEqual([1, 2, 3]);
  });

  it('have the facts of failures if the run was asked for them', async () => {
    const world = await fiveItems();
    const settings = await readStoredSettings(world.storage, RUN);
    await putSettings(world.storage, RUN, { ...settings, detail: true });
    await append(world, failure(1));
    expect(await partial(world)).toEqual([expect.objectContaining({ attempts: 4, models_tried: ['m'] })]);
  });

  it('are the whole part of a finished chunk, and the segments of one whose part is damaged', async () => {
    const world = await fiveItems();
    await append(world, ...[0, 1, 2, 3, 4].map((item) => answer(item)));
    await writePart(world.storage, partInput(world), () => undefined);
    expect(await partial(world)).toHaveLength(5);
    expect(await openChunk(world.storage, RUN, world.chunk)).toBeUndefined();
    await world.storage.put(`runs/${RUN}/parts/0.jsonl`, 'damaged');
    await append(world, answer(2));
    expect((await partial(world)).map(({ id }) => id)).toEqual([3]);
  });
});

describe('describeStoredRun', () => {
  it('is undefined for a run of which nothing is stored', async () => {
    expect(await describeStoredRun(await openFolder(), RUN)).toBeUndefined();
  });

  it('counts what is there of open and finished chunks', async () => {
    const world = await fiveItems();
    const input = { items: 5, chunks: 1 };
    expect(await describeStoredRun(world.storage, RUN)).toEqual({ input, parts: 0, ok: 0, failed: 0, results: false });
    await append(world, answer(0), answer(1), failure(2), failedTry(3, 1));
    expect(await describeStoredRun(world.storage, RUN)).toMatchObject({ parts: 0, ok: 2, failed: 1 });
    await append(world, answer(3), answer(4));
    await writePart(world.storage, partInput(world), () => undefined);
    await putSummary(world.storage, RUN, SUMMARY);
    const whole = { input, parts: 1, ok: 4, failed: 1, results: false, state: 'cancelled' };
    expect(await describeStoredRun(world.storage, RUN)).toEqual(whole);
  });
});

const SUMMARY = summaryOf(RUN, 5, { state: 'cancelled', ok: 4, failed: 1 });
