import { ApplicationFailureCategory } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { S3Appender } from '../../src/storage/s3-appender.js';
import type { Appender, Storage } from '../../src/storage/storage.js';
import { completion } from '../dria/scripted-server.js';
import { failureOf, resultIn } from '../support/activity-env.js';
import { until } from '../support/until.js';
import { type Answer, answers, byPrompt, controlled, errorBody, Held, scripted } from './endpoints.js';
import { FaultyStorage } from './faulty-storage.js';

const PROMPTS = ['zero', 'one', 'two', 'three', 'four'];
const TARGET = 'qwen3.5:9b';
const BROKEN: Answer = { status: 500, body: errorBody('broken') };

/** Five items, of which `one` and `three` fail the first `times` times. */
function failing(times: number, answer: Answer = BROKEN) {
  const script = byPrompt((prompt, time) => (/one|three/.test(prompt) && time <= times ? answer : 'ok'));
  return scripted(PROMPTS, script);
}

/** A folder that is written as a bucket is: each sync makes a further object. */
class Bucket extends FaultyStorage {
  override get growsInPlace(): boolean {
    return false;
  }

  override openAppend(key: string): Appender {
    return new S3Appender((name, content) => this.put(name, content), key);
  }
}

describe('requests that were lost with their worker', () => {
  it('are counted by the attempt that asks again, those of other packs excepted', async () => {
    const { world } = await scripted(
      PROMPTS,
      byPrompt(() => 'ok'),
    );
    const by = '00000000-pack-1';
    await world.append({ item: 0, by, sent: TARGET }, { item: 1, by, sent: TARGET });
    await world.append({ item: 1, by, sent: TARGET }, { item: 2, by: 'another-pack-7', sent: TARGET });
    const { counts } = await world.infer('0-4', {}, { attempt: 2 });
    expect(counts).toMatchObject({ ok: 5, requests: 5 + 3, retries: 0 });
    expect(counts.models[TARGET]).toMatchObject({ sent: 8, ok: 5 });
  });

  it('are in the segment while their answers are waited for, and count once if an answer comes', async () => {
    const held = await Held.open(3);
    const pack = held.world.infer('0-2', { permits: 2 });
    await held.underWay('p0', 'p1');
    const sent = async () => (await held.world.allRecords()).flatMap((record) => ('sent' in record ? record : []));
    await until('both are recorded', async () => (await sent()).length === 2);
    expect(await sent()).toEqual([0, 1].map((item) => ({ item, by: '00000000-pack-1', sent: TARGET })));
    await held.replyToAll(pack);
    expect(await held.world.infer('0-2', {}, { attempt: 2 })).toMatchObject({ counts: { ok: 3, requests: 3 } });
  });

  it('are in a bucket with its next PUT, and are counted by the worker that takes over', async () => {
    const bucket = { wrap: (storage: Storage) => new Bucket(storage, () => false), flushIntervalMs: 50 };
    const held = await Held.open(3, bucket);
    const { options, shutDown } = controlled();
    const lost = held.world.infer('0-2', { permits: 2 }, options);
    await held.underWay('p0', 'p1');
    await until('they are written', async () => (await held.world.allRecords()).length === 2);
    shutDown();
    await lost.catch(() => undefined);
    const other = await held.world.beside({ baseUrl: held.world.endpoint.baseUrl, ...bucket });
    const taken = other.infer('0-2', { permits: 3 }, { attempt: 2 });
    await until('all three are asked', () => held.asked.length === 5);
    await held.replyToAll(taken);
    expect(await taken).toMatchObject({ counts: { ok: 3, requests: 3 + 2 } });
  });
});

describe('a pack of items that have failed before', () => {
  it('throws what its policy asks again, with what it has done', async () => {
    const { world } = await failing(1);
    const failure = await failureOf(world.infer('0-4', { retrying: true }));
    expect(failure).toMatchObject({
      type: 'ServerError',
      message: '2 of 5 items failed again, the last with 500: broken',
      nonRetryable: false,
      category: ApplicationFailureCategory.BENIGN,
      nextRetryDelay: undefined,
    });
    expect(resultIn(failure)).toMatchObject({ failed: '1,3', open: '', counts: { ok: 3, requests: 5 } });
  });

  it('of one item throws with its words alone, and waits as long as the endpoint asks', async () => {
    const { world } = await failing(1, { ...BROKEN, headers: { 'retry-after': '7' } });
    const failure = await failureOf(world.infer('1', { retrying: true }));
    expect(failure).toMatchObject({ message: '500: broken', nextRetryDelay: 7_000, nonRetryable: false });
  });

  it('asks only those again that have no outcome, and counts all that was done', async () => {
    const { world, asked } = await failing(1);
    await failureOf(world.infer('0-4', { retrying: true }));
    const result = await world.infer('0-4', { retrying: true }, { attempt: 2 });
    expect(result).toMatchObject({ failed: '', open: '', counts: { ok: 5, failed: 0, requests: 7, retries: 2 } });
    expect(result.counts.models[TARGET]).toMatchObject({ sent: 7, ok: 5 });
    expect(asked().slice(5)).toEqual(['one', 'three']);
  });

  it('records the failure of an item whose attempts are used up, with all of them and the targets tried', async () => {
    const { world, asked } = await failing(9);
    await world.append({ item: 1, try: { target: 'other', error: '500: x', attempt: 1 } });
    await world.append({ item: 1, try: { target: TARGET, error: '500: x', attempt: 2 } });
    const options = { retries: 2 };
    const failure = await failureOf(world.infer('0-4', { retrying: true, reread: true, options }));
    expect(resultIn(failure)).toMatchObject({ failed: '3', counts: { ok: 3, failed: 1, requests: 5, retries: 1 } });
    expect(await world.failures()).toMatchObject([
      { item: 1, id: 2, failure: { target: TARGET, error: '500: broken', attempts: 3, tried: ['other', TARGET] } },
    ]);
    await failureOf(world.infer('0-4', { retrying: true, options }, { attempt: 2 }));
    const result = await world.infer('0-4', { retrying: true, options }, { attempt: 3 });
    expect(result).toMatchObject({ failed: '', open: '', counts: { ok: 3, failed: 2, failedByKind: { 500: 2 } } });
    // Five, and two more for the one with attempts left.
    expect(result.counts).toMatchObject({ requests: 7, retries: 3 });
    expect((await world.failures()).map(({ failure: { attempts } }) => attempts)).toEqual([3, 3]);
    expect(asked().slice(5)).toEqual(['three', 'three']);
  });

  it('without retries records the first failure', async () => {
    const { world } = await failing(9);
    const result = await world.infer('0-4', { options: { retries: 0 } });
    expect(result).toMatchObject({ failed: '', counts: { ok: 3, failed: 2, requests: 5 } });
    expect(await world.tries()).toEqual([]);
  });

  it('that its workflow wants back returns what has failed instead of asking again', async () => {
    const control = controlled();
    const { world } = await scripted(PROMPTS, (response, _request, n) => {
      if (n === 2) control.cancel();
      response.writeHead(500).end(errorBody('broken'));
    });
    const result = await world.infer('0-4', { retrying: true }, control.options);
    expect(result).toMatchObject({ failed: '0-1', open: '2-4', counts: { requests: 2 } });
  });
});

describe('no attempt is used up', () => {
  /** Asks `one` until it has failed for good, and returns the attempts of its failure record. */
  async function attemptsAfter(disturbances: readonly Answer[]): Promise<number | undefined> {
    const script = byPrompt((prompt, time) => (prompt === 'one' ? (disturbances[time - 1] ?? BROKEN) : 'ok'));
    const { world, server } = await scripted(PROMPTS, script);
    await world.infer('0');
    for (let pack = 1; pack <= 6 && (await world.failures()).length === 0; pack++) {
      // Each time a new worker: what a target did is not known to it.
      const worker = await world.beside({ baseUrl: server.baseUrl });
      await worker.infer('0', { reread: true }, { activityId: `pack-a${pack}` });
      await worker
        .infer('1', { reread: true, retrying: true, options: { retries: 1 } }, { activityId: `pack-b${pack}` })
        .catch(() => undefined);
    }
    const [record] = await world.failures();
    return record?.failure.attempts;
  }

  it.each<[string, readonly Answer[]]>([
    ['nothing', []],
    ['no nodes', [503]],
    ['a short limit', [{ status: 429, body: errorBody('slow'), headers: { 'retry-after': '0' } }]],
    ['a long limit', [{ status: 429, body: errorBody('slow'), headers: { 'retry-after': '100' } }]],
    ['a refused key', [401]],
    ['no money', [402, 402]],
    ['no nodes between two failures', [BROKEN, 503]],
  ])('by %s', async (_what, disturbances) => {
    expect(await attemptsAfter(disturbances)).toBe(2);
  });

  it('by a worker that dies while it waits', async () => {
    const control = controlled();
    const { world } = await scripted(PROMPTS, (response, request, n) =>
      n === 2 ? control.shutDown() : answers(response, request, n),
    );
    await world.infer('0-4', {}, control.options);
    expect(await world.tries()).toEqual([]);
    const result = await world.infer('0-4', { options: { detail: true } }, { attempt: 2 });
    expect(result).toMatchObject({ counts: { ok: 5, retries: 0 } });
    expect((await world.answers())[1]?.result.attempts).toBe(1);
  });
});

describe('a further attempt', () => {
  /** Answers two questions; the third ends the attempt as a lost worker would. */
  async function lost() {
    const control = controlled();
    const { world, asked, server } = await scripted(PROMPTS, (response, request, n) =>
      n === 3 ? control.shutDown() : answers(response, request, n),
    );
    const first = await world.infer('0-4', {}, control.options);
    return { world, asked, server, first };
  }

  it('asks only what the one before has not answered, and counts what that one did', async () => {
    const { world, asked, first } = await lost();
    expect(first).toMatchObject({ open: '2-4', counts: { ok: 2 } });
    const result = await world.infer('0-4', {}, { attempt: 2 });
    expect(asked()).toEqual(['zero', 'one', 'two', 'two', 'three', 'four']);
    expect(result).toMatchObject({ open: '', failed: '', counts: { ok: 5, requests: 6, retries: 0, tokens: 35 } });
    expect((await world.answers()).map(({ item }) => item)).toEqual([0, 1, 2, 3, 4]);
  });

  it('on another worker does so as well', async () => {
    const { world, asked, server } = await lost();
    const other = await world.beside({ baseUrl: server.baseUrl });
    const result = await other.infer('0-4', {}, { attempt: 2 });
    expect(result).toMatchObject({ open: '', counts: { ok: 5, requests: 6 } });
    expect(asked().slice(3)).toEqual(['two', 'three', 'four']);
  });

  it('counts failed attempts of its own activity, and not those of earlier packs', async () => {
    const { world } = await scripted(['zero', 'one'], answers);
    const failed = { target: TARGET, error: '500: x', attempt: 1, tokens: 4 };
    await world.append({ item: 0, by: 'another-pack-7', try: failed });
    await world.append({ item: 0, by: '00000000-pack-1', try: { ...failed, attempt: 2 } });
    await world.append({ item: 1, by: '00000000-pack-1', try: failed });
    const { counts } = await world.infer('0-1', { retrying: true }, { attempt: 2 });
    expect(counts).toMatchObject({ ok: 2, requests: 4, retries: 3, wastedTokens: 8 });
  });

  it('counts a failure that was recorded before its worker died, with its request', async () => {
    const { world, asked, server } = await scripted(
      ['zero', 'one'],
      byPrompt((prompt) => (prompt === 'one' ? 400 : 'ok')),
    );
    const first = await world.infer('0-1');
    const other = await world.beside({ baseUrl: server.baseUrl });
    const second = await other.infer('0-1', {}, { attempt: 2 });
    const { latency: _first, ...counts } = first.counts;
    expect(second.counts).toMatchObject(counts);
    expect(second.lastFailures).toEqual(first.lastFailures);
    expect(asked()).toHaveLength(2);
  });

  it('takes no outcomes but those of its own items', async () => {
    const { world, asked } = await lost();
    expect(await world.infer('1,3', {}, { activityId: 'pack-10', attempt: 2 })).toMatchObject({ counts: { ok: 2 } });
    expect(asked().slice(3)).toEqual(['three']);
  });

  it('finds what another worker has written since this one last read', async () => {
    const { world, asked, server } = await lost();
    const other = await world.beside({ baseUrl: server.baseUrl });
    await other.infer('4', {}, { activityId: 'pack-9' });
    await world.infer('2', {}, { activityId: 'pack-8' });
    expect(await other.infer('2', {}, { activityId: 'pack-8', attempt: 2 })).toMatchObject({ counts: { ok: 1 } });
    expect(asked().slice(3)).toEqual(['four', 'two']);
  });

  it('that is a first one again, since the server lost its last moments, asks nothing twice in a new worker', async () => {
    const { world, asked, server } = await lost();
    const restarted = await world.beside({ baseUrl: server.baseUrl });
    // The items may come in other packs than those that were forgotten.
    expect(await restarted.infer('1-2', {}, { activityId: 'pack-7' })).toMatchObject({ counts: { ok: 2 } });
    expect(await restarted.infer('0,4', {}, { activityId: 'pack-1' })).toMatchObject({ counts: { ok: 2 } });
    expect(asked().slice(3)).toEqual(['two', 'four']);
  });

  it('is not needed to find what another worker recorded, if the pack is told to read again', async () => {
    const { world, asked, server } = await lost();
    const other = await world.beside({ baseUrl: server.baseUrl });
    await other.infer('4', {}, { activityId: 'pack-9' });
    const again = await world.infer('4', { reread: true }, { activityId: 'pack-8' });
    expect(again).toMatchObject({ open: '', counts: { ok: 1, requests: 1 } });
    expect(asked().slice(3)).toEqual(['four']);
  });
});

it('an earlier run under the same id, whose directory is gone, leaves nothing to take over', async () => {
  const { world, asked } = await scripted(PROMPTS, answers);
  await world.infer('0-4');
  // A second attempt has read what is in storage.
  expect(await world.infer('0-4', {}, { attempt: 2 })).toMatchObject({ counts: { ok: 5 } });
  await world.storage.removeAll('runs/run-1/');
  const others = PROMPTS.map((prompt) => `other ${prompt}`);
  await world.prepare(others);
  const workflowExecution = { workflowId: 'another', runId: '11111111-0000-0000-0000-000000000000' };
  const result = await world.infer('0-4', {}, { workflowExecution });
  expect(asked().slice(5)).toEqual(others);
  expect(result).toMatchObject({ counts: { ok: 5, requests: 5 } });
});

it('an answer that costs nothing to find is not asked for again when its pack was lost', async () => {
  const { world, asked } = await scripted(PROMPTS, (response) =>
    response.writeHead(200).end(completion('Yes.', { usage: undefined })),
  );
  await world.infer('2');
  expect(await world.infer('2', { retrying: true }, { attempt: 2 })).toMatchObject({
    open: '',
    counts: { requests: 1 },
  });
  expect(asked()).toEqual(['two']);
});
