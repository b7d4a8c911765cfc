import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Storage } from '../../src/storage/storage.js';
import { completion } from '../dria/scripted-server.js';
import { CHAIN, failureOf, RUN_ID, resultIn } from '../support/activity-env.js';
import { until } from '../support/until.js';
import { controlled, Held, scripted, settledFlag } from './endpoints.js';
import { GatedStorage } from './gated-storage.js';

const ITEMS = 12;
const ALL = `0-${ITEMS - 1}`;

const answered = async ({ world }: Held): Promise<number[]> => (await world.answers()).map(({ item }) => item);

describe('a pack with several permits', () => {
  it('has as many requests in flight, in the order of its items, and one more with every answer', async () => {
    const held = await Held.open(ITEMS);
    const pack = held.world.infer(ALL, { permits: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1');
    await held.underWay('p0', 'p2', 'p3');
    held.reply('p3');
    await held.underWay('p0', 'p2', 'p4');
    await held.replyToAll(pack);
    expect(await pack).toMatchObject({ failed: '', open: '', counts: { ok: ITEMS, requests: ITEMS } });
    expect(held.asked).toEqual(Array.from({ length: ITEMS }, (_, item) => `p${item}`));
    expect(await answered(held)).toEqual(Array.from({ length: ITEMS }, (_, item) => item));
  });

  it('goes on past an item that fails, and gives it back', async () => {
    const held = await Held.open(5);
    const pack = held.world.infer('0-4', { permits: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1', 500);
    await held.underWay('p0', 'p2', 'p3');
    await held.replyToAll(pack);
    expect(await pack).toMatchObject({ failed: '1', open: '', counts: { ok: 4, requests: 5 } });
  });

  it.each<[number, string]>([
    [503, 'NoNodesAvailable'],
    [401, 'Unauthorized'],
    [402, 'PaymentRequired'],
  ])('asks nothing more after a %i, and keeps what is under way, which is paid for', async (status, type) => {
    const held = await Held.open(ITEMS);
    const pack = failureOf(held.world.infer(ALL, { permits: 3 }));
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await held.underWay('p1', 'p2', 'p3');
    held.reply('p2', status);
    await held.underWay('p1', 'p3');
    held.reply('p3');
    held.reply('p1', 500);
    const failure = await pack;
    expect(failure).toMatchObject({ type, nonRetryable: true });
    expect(resultIn(failure)).toMatchObject({ failed: '1', open: '2,4-11', counts: { ok: 2, requests: 4 } });
    expect(held.asked).toEqual(['p0', 'p1', 'p2', 'p3']);
    expect(await answered(held)).toEqual([0, 3]);
  });

  it('spends what is under way when its tokens run out, and no more', async () => {
    const held = await Held.open(ITEMS);
    const pack = held.world.infer(ALL, { permits: 3, tokens: 7 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await held.underWay('p1', 'p2');
    await held.replyToAll(pack);
    expect(await pack).toMatchObject({ open: '3-11', counts: { ok: 3, tokens: 21 } });
  });

  it('holds a permit until the answer is in the file', async () => {
    let storage: GatedStorage | undefined;
    const held = await Held.open(3, {
      wrap: (inner) => {
        storage = new GatedStorage(inner);
        return storage;
      },
    });
    storage?.shut();
    const pack = held.world.infer('0-2');
    await held.underWay('p0');
    held.reply('p0');
    await until('the answer waits for its file', () => storage?.waiting === 1);
    await held.underWay();
    expect(await held.world.records()).toEqual([]);
    storage?.open();
    await held.underWay('p1');
    expect(await answered(held)).toEqual([0]);
    await held.replyToAll(pack);
    expect(await pack).toMatchObject({ counts: { ok: 3 } });
  });
});

describe('a pack that is wanted back', () => {
  it.each(['cancel', 'pause'] as const)('by %s gets the answers under way and hands back the rest', async (how) => {
    const held = await Held.open(ITEMS);
    const control = controlled();
    const pack = held.world.infer(ALL, { permits: 3 }, control.options);
    await held.underWay('p0', 'p1', 'p2');
    control[how]();
    for (const prompt of ['p2', 'p0', 'p1']) held.reply(prompt);
    expect(await pack).toMatchObject({ failed: '', open: '3-11', counts: { ok: 3, requests: 3 } });
    expect(held.asked).toHaveLength(3);
    expect(await answered(held)).toEqual([0, 1, 2]);
  });

  it('by its workflow on the same worker ends without a heartbeat, and no other pack does', async () => {
    const held = await Held.open(ITEMS);
    const pack = held.world.infer(ALL, { permits: 2 });
    await held.underWay('p0', 'p1');
    held.world.withdrawals.withdraw(RUN_ID, 'pack-2');
    held.world.withdrawals.withdraw('another run', 'pack-1');
    held.reply('p0');
    await held.underWay('p1', 'p2');
    held.world.withdrawals.withdraw(RUN_ID, 'pack-1');
    held.reply('p1');
    await held.underWay('p2');
    held.reply('p2');
    expect(await pack).toMatchObject({ open: '3-11', counts: { ok: 3, requests: 3 } });
  });

  it('before it has begun asks nothing', async () => {
    const held = await Held.open(ITEMS);
    const pack = held.world.infer(ALL, {}, { onStart: (environment) => environment.cancel() });
    expect(await pack).toMatchObject({ open: ALL, counts: { ok: 0, requests: 0 } });
    expect([held.asked, await held.world.segmentKeys()]).toEqual([[], []]);
  });

  it('by a worker that is about to leave gets the answers under way and hands back the rest', async () => {
    const drain = new AbortController();
    const held = await Held.open(ITEMS, { drain: drain.signal });
    const pack = held.world.infer(ALL, { permits: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await held.underWay('p1', 'p2', 'p3');
    drain.abort();
    for (const prompt of ['p3', 'p2', 'p1']) held.reply(prompt);
    expect(await pack).toMatchObject({ open: '4-11', counts: { ok: 4 } });
    expect(held.asked).toHaveLength(4);
  });

  it('by a worker that goes now cuts its requests, keeps its answers, and the next attempt asks only the rest', async () => {
    const held = await Held.open(ITEMS, { flushIntervalMs: 60_000 });
    const control = controlled();
    const first = held.world.infer(ALL, { permits: 3 }, control.options);
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1');
    await held.underWay('p0', 'p2', 'p3');
    control.shutDown();
    expect(await first).toMatchObject({ failed: '', open: '0,2-11', counts: { ok: 1, requests: 1 } });
    expect(await answered(held)).toEqual([1]);
    const second = held.world.infer(ALL, { permits: 3 }, { attempt: 2 });
    await held.replyToAll(second);
    expect(await second).toMatchObject({ open: '', counts: { ok: ITEMS } });
    expect(held.asked.filter((prompt) => prompt === 'p1')).toHaveLength(1);
    expect(await answered(held)).toHaveLength(ITEMS);
  });
});

describe('packs of one run on one worker', () => {
  it('stay while another can use their permits, and not longer', async () => {
    const held = await Held.open(8);
    const short = held.world.infer('0-1', { permits: 2 }, { activityId: 'pack-1' });
    const isShortOver = settledFlag(short);
    await held.underWay('p0', 'p1');
    const long = held.world.infer('2-7', { permits: 2 }, { activityId: 'pack-2' });
    const isLongOver = settledFlag(long);
    await held.underWay('p0', 'p1', 'p2', 'p3');
    held.reply('p0');
    held.reply('p1');
    await held.underWay('p2', 'p3', 'p4', 'p5');
    held.reply('p2');
    await held.underWay('p3', 'p4', 'p5', 'p6');
    held.reply('p3');
    await held.underWay('p4', 'p5', 'p6', 'p7');
    expect(isShortOver()).toBe(false);
    // All are asked: the pack goes as soon as the other's own permits are enough.
    held.reply('p4');
    held.reply('p5');
    expect(await short).toMatchObject({ counts: { ok: 2 } });
    await held.underWay('p6', 'p7');
    expect(isLongOver()).toBe(false);
    await held.replyToAll(long);
    expect(await long).toMatchObject({ counts: { ok: 6 } });
  });

  it('that are the last stay also while the other writes its answers', async () => {
    let storage: GatedStorage | undefined;
    const wrap = (inner: Storage): Storage => {
      storage = new GatedStorage(inner);
      return storage;
    };
    const held = await Held.open(8, { wrap });
    const short = held.world.infer('0', { permits: 1 }, { activityId: 'pack-1' });
    const isShortOver = settledFlag(short);
    await held.underWay('p0');
    let beat = '';
    const long = held.world.infer(
      '1-7',
      { permits: 3 },
      {
        activityId: 'pack-2',
        heartbeatTimeoutMs: 60,
        onStart: (environment) => {
          environment.on('heartbeat', (details) => {
            beat = JSON.stringify(details);
          });
        },
      },
    );
    await held.underWay('p0', 'p1', 'p2', 'p3');
    held.reply('p0');
    await held.underWay('p1', 'p2', 'p3', 'p4');
    storage?.shut();
    for (const prompt of ['p1', 'p2', 'p3', 'p4']) held.reply(prompt);
    await until('all four have come, and wait for their file', () => beat.includes('"ok":4'));
    expect(storage?.waiting).toBe(1);
    storage?.open();
    await held.underWay('p5', 'p6', 'p7');
    await until('all five are recorded', async () => (await answered(held)).length === 5);
    expect(isShortOver()).toBe(false);
    await held.replyToAll(Promise.all([long, short]));
    expect(isShortOver()).toBe(true);
  });

  it('that are the last and stay do not wait for one that has ended early', async () => {
    const held = await Held.open(8);
    const short = held.world.infer('0', { permits: 1 }, { activityId: 'pack-1' });
    await held.underWay('p0');
    const long = failureOf(held.world.infer('1-7', { permits: 2 }, { activityId: 'pack-2' }));
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await held.underWay('p1', 'p2', 'p3');
    held.reply('p1', 503);
    expect(await short).toMatchObject({ counts: { ok: 1 } });
    await held.underWay('p2', 'p3');
    await held.replyToAll(long);
    expect(await long).toMatchObject({ type: 'NoNodesAvailable' });
  });

  it('that are the last and stay end at once if they are wanted back, and leave no listener', async () => {
    const drain = new AbortController();
    const held = await Held.open(ITEMS, { drain: drain.signal });
    const control = controlled();
    const short = held.world.infer('0', { permits: 1 }, { activityId: 'pack-1', ...control.options });
    await held.underWay('p0');
    const long = held.world.infer('1-11', { permits: 1 }, { activityId: 'pack-2' });
    await held.underWay('p0', 'p1');
    held.reply('p0');
    await held.underWay('p1', 'p2');
    control.cancel();
    held.reply('p1');
    expect(await short).toMatchObject({ open: '', counts: { ok: 1 } });
    await held.replyToAll(long);
    expect(getEventListeners(drain.signal, 'abort')).toHaveLength(0);
  });

  it('that are the last do not stay if they have items left themselves', async () => {
    const held = await Held.open(ITEMS);
    const short = held.world.infer('0', { permits: 1 }, { activityId: 'pack-1' });
    await held.underWay('p0');
    const long = held.world.infer('1-11', { permits: 1 }, { activityId: 'pack-2' });
    await held.underWay('p0', 'p1');
    held.reply('p0', 500);
    await held.underWay('p1', 'p2');
    held.reply('p1');
    expect(await short).toMatchObject({ failed: '0' });
    await held.replyToAll(long);
  });

  it('share nothing with those of another run', async () => {
    const held = await Held.open(ITEMS);
    const input = `${held.world.folder}/in.jsonl`;
    await held.world.run('readManifest', { run: 'other', chain: CHAIN, batch: { input } });
    const long = held.world.infer('2-11', { permits: 1, run: 'other' });
    const short = held.world.infer('0-1', { permits: 2 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1');
    await held.underWay('p0', 'p2');
    held.reply('p0');
    expect(await short).toMatchObject({ counts: { ok: 2 } });
    await held.replyToAll(long);
  });
});

it('a pack never has more requests in flight than permits, however fast the answers come', async () => {
  const prompts = Array.from({ length: 300 }, (_, item) => `p${item}`);
  const { world, server } = await scripted(prompts, (response) => response.writeHead(200).end(completion('Yes.')));
  const packs = await Promise.all([
    world.infer('0-99', { permits: 3 }, { activityId: 'pack-1' }),
    world.infer('100-199', { permits: 4 }, { activityId: 'pack-2' }),
    world.infer('200-299', { permits: 2 }, { activityId: 'pack-3' }),
  ]);
  expect(packs.map(({ counts: { ok } }) => ok)).toEqual([100, 100, 100]);
  expect(server.mostInFlight).toBeLessThanOrEqual(9);
  expect(await world.answers()).toHaveLength(300);
});
