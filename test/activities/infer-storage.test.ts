import { describe, expect, it } from 'vitest';
import type { Storage } from '../../src/storage/storage.js';
import { failureOf } from '../support/activity-env.js';
import { until } from '../support/until.js';
import { answers, byPrompt, controlled, Held, scripted } from './endpoints.js';
import { type Fault, FaultyStorage } from './faulty-storage.js';

const PROMPTS = ['zero', 'one', 'two', 'three', 'four'];

/** A storage whose appends fail while `fails` is set. */
function fullDisk() {
  const disk = { fails: true, failures: 0, onFailure: (): void => undefined };
  const fault: Fault = (call) => {
    if (call !== 'openAppend' || !disk.fails) return false;
    disk.failures++;
    disk.onFailure();
    return true;
  };
  return { disk, wrap: (storage: Storage) => new FaultyStorage(storage, fault) };
}

describe('outcomes', () => {
  it('are in the file while the next answer is waited for', async () => {
    const held = await Held.open(3, { flushIntervalMs: 60_000 });
    const pack = held.world.infer('0-2');
    await held.underWay('p0');
    held.reply('p0');
    await held.underWay('p1');
    expect((await held.world.answers()).map(({ item }) => item)).toEqual([0]);
    held.reply('p1', 500);
    await held.underWay('p2');
    expect((await held.world.tries()).map(({ item }) => item)).toEqual([1]);
    held.reply('p2', 400);
    await pack;
    expect((await held.world.failures()).map(({ item }) => item)).toEqual([2]);
  });

  it('of all packs of a chunk on the worker share a segment', async () => {
    const { world } = await scripted(PROMPTS, answers);
    await Promise.all([
      world.infer('0-1', {}, { activityId: 'pack-1' }),
      world.infer('2-4', {}, { activityId: 'pack-2' }),
    ]);
    expect(await world.segmentKeys()).toHaveLength(1);
    expect(await world.answers()).toHaveLength(5);
  });
});

describe('a storage that cannot be written for a while', () => {
  it('holds back the next requests, then the pack goes on and nothing is lost', async () => {
    const { disk, wrap } = fullDisk();
    const held = await Held.open(12, { flushIntervalMs: 10, wrap });
    const pack = held.world.infer('0-11', { permits: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await until('a write has failed', () => disk.failures > 0);
    for (const prompt of ['p1', 'p2']) held.reply(prompt);
    await until('writes have failed again', () => disk.failures > 1);
    await held.underWay();
    expect(held.asked).toEqual(['p0', 'p1', 'p2']);
    disk.fails = false;
    await held.replyToAll(pack);
    expect(await pack).toMatchObject({ open: '', counts: { ok: 12, requests: 12 } });
    expect(await held.world.answers()).toHaveLength(12);
  });

  it('holds back a pack that begins meanwhile', async () => {
    const { disk, wrap } = fullDisk();
    const held = await Held.open(4, { flushIntervalMs: 10, wrap });
    const first = held.world.infer('0-1', {}, { activityId: 'pack-1' });
    await held.underWay('p0');
    held.reply('p0');
    await until('a write has failed', () => disk.failures > 0);
    const second = held.world.infer('2-3', {}, { activityId: 'pack-2' });
    await until('writes have failed again', () => disk.failures > 1);
    await held.underWay();
    disk.fails = false;
    await held.replyToAll(Promise.all([first, second]));
    expect(held.asked).toHaveLength(4);
    expect(await held.world.answers()).toHaveLength(4);
  });

  it('until the worker goes fails the attempt, which is tried again', async () => {
    const { disk, wrap } = fullDisk();
    const control = controlled();
    disk.onFailure = control.shutDown;
    const { world } = await scripted(PROMPTS, answers, { wrap });
    const failure = await failureOf(world.infer('0', {}, control.options));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: false });
    expect(failure.message).toContain('the disk is full');
  });

  it.each([1, 3])('does not keep a worker that goes while %i requests and answers wait', async (permits) => {
    const { disk, wrap } = fullDisk();
    const control = controlled();
    const held = await Held.open(8, { flushIntervalMs: 10, wrap });
    const pack = failureOf(held.world.infer('0-7', { permits }, control.options));
    const first = ['p0', 'p1', 'p2'].slice(0, permits);
    await held.underWay(...first);
    held.reply('p0');
    await until('writes have failed', () => disk.failures > 1);
    control.shutDown();
    expect(await pack).toMatchObject({ type: 'StorageUnavailable', nonRetryable: false });
    expect(held.asked).toEqual(first);
  });

  it('does not keep a pack that was cancelled once its worker goes', async () => {
    const { disk, wrap } = fullDisk();
    const control = controlled();
    const drain = new AbortController();
    const held = await Held.open(8, { flushIntervalMs: 10, wrap, drain: drain.signal });
    const pack = failureOf(held.world.infer('0-7', {}, control.options));
    await held.underWay('p0');
    held.reply('p0');
    await until('a write has failed', () => disk.failures > 0);
    drain.abort();
    await until('writes have failed again', () => disk.failures > 1);
    control.shutDown();
    expect(await pack).toMatchObject({ type: 'StorageUnavailable' });
  });
});

describe('a storage that cannot be read', () => {
  it.each(['get', 'getRange', 'list', 'stream'] as const)('for a moment (%s) is waited for', async (broken) => {
    let faults = 0;
    let begun = false;
    const fault: Fault = (call) => begun && call === broken && ++faults === 1;
    const { world, asked } = await scripted(PROMPTS, answers, { wrap: (storage) => new FaultyStorage(storage, fault) });
    await world.append({ item: 0, try: { target: 'm', error: '500: x', attempt: 1 } });
    begun = true;
    expect(await world.infer('1')).toMatchObject({ counts: { ok: 1, requests: 1 } });
    expect(faults).toBeGreaterThanOrEqual(1);
    expect(asked()).toEqual(['one']);
  });

  it.each(['getRange', 'list'] as const)('(%s) does not keep a pack that is wanted back', async (broken) => {
    let begun = false;
    const control = controlled();
    const fault: Fault = (call) => {
      if (!begun || call !== broken) return false;
      control.cancel();
      return true;
    };
    const { world, asked } = await scripted(PROMPTS, answers, { wrap: (storage) => new FaultyStorage(storage, fault) });
    begun = true;
    expect(await world.infer('0-4', {}, control.options)).toMatchObject({ open: '0-4', counts: { ok: 0 } });
    expect(asked()).toEqual([]);
  });

  it('and has lost the input for good fails the pack for good', async () => {
    const { world } = await scripted(PROMPTS, answers);
    await world.storage.removeAll('inputs/');
    const failure = await failureOf(world.infer('0'));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: true });
  });
});

describe('a damaged segment', () => {
  it.each<[string, (text: string) => string, string[]]>([
    ['empty', () => '', ['zero', 'one', 'two']],
    [
      'cut in the line of its second answer',
      (text) => text.slice(0, text.indexOf('{"item":1,"at"') + 20),
      ['one', 'two'],
    ],
    ['cut in its last line', (text) => text.slice(0, -10), ['two']],
    ['full of zeros', (text) => '\0'.repeat(text.length), ['zero', 'one', 'two']],
    ['overwritten in its middle', (text) => text.replace(/"item":1(?=,"at")/, '"it\0\0":1'), ['one']],
  ])('(%s) keeps its whole lines: a further attempt asks for the others', async (_how, spoil, lost) => {
    const { world, asked, server } = await scripted(PROMPTS, answers);
    await world.infer('0-2', { options: { maxTokens: 2048, temperature: 0.7 } });
    const [key = ''] = await world.segmentKeys();
    await world.storage.put(key, spoil(await world.text(key)));
    const worker = await world.beside({ baseUrl: server.baseUrl });
    expect(await worker.infer('0-2', {}, { attempt: 2 })).toMatchObject({ open: '', counts: { ok: 3 } });
    expect(asked().slice(3)).toEqual(lost);
    expect((await world.answers()).map(({ item }) => item)).toEqual([0, 1, 2]);
  });

  it('that has lost a failed attempt costs one more request, and no item', async () => {
    const { world, server, asked } = await scripted(
      PROMPTS,
      byPrompt((_prompt, time) => (time === 1 ? 500 : 'ok')),
    );
    await world.infer('0');
    const [key = ''] = await world.segmentKeys();
    await world.storage.put(key, '{"item":0,"try":{"tar\n');
    const worker = await world.beside({ baseUrl: server.baseUrl });
    expect(await worker.infer('0', { retrying: true })).toMatchObject({ counts: { ok: 1, retries: 0 } });
    expect(asked()).toHaveLength(2);
  });
});
