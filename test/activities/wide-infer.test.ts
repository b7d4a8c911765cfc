import { ActivityCancellationDetails } from '@temporalio/common';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { completion, type Script, ScriptedServer } from '../dria/scripted-server.js';
import { ActivityWorld, type ActivityWorldOptions, failureOf } from '../support/activity-env.js';
import { until } from '../support/until.js';
import { type Fault, FaultyStorage } from './faulty-storage.js';

const ITEMS = 12;
const ALL = `0-${ITEMS - 1}`;

/** What the endpoint answers to one prompt: well, or with a status. */
type Reply = 'ok' | number;

/** Prompts `p0` to `p11`, and an endpoint that answers each when the test says so. */
class Held {
  private readonly open = new Map<string, (reply: Reply) => void>();
  readonly asked: string[] = [];

  private constructor(readonly world: ActivityWorld) {}

  static async open(more: Partial<ActivityWorldOptions> = {}): Promise<Held> {
    let held: Held | undefined;
    const script: Script = (response, { body }) =>
      held?.hold(String(JSON.parse(body).messages[0].content), (reply) => {
        if (reply === 'ok') response.writeHead(200).end(completion('Yes.'));
        else response.writeHead(reply).end(JSON.stringify({ error: { message: 'no' } }));
      });
    const server = await new ScriptedServer(script).listen();
    onTestFinished(() => server.close());
    const world = await ActivityWorld.open({ baseUrl: server.baseUrl, ...more });
    await world.prepare(Array.from({ length: ITEMS }, (_, item) => `p${item}`));
    held = new Held(world);
    return held;
  }

  private hold(prompt: string, reply: (reply: Reply) => void): void {
    this.asked.push(prompt);
    this.open.set(prompt, reply);
  }

  /** Waits until these prompts, and no others, are under way. */
  async underWay(...prompts: string[]): Promise<void> {
    await until(`${prompts} are under way`, () => [...this.open.keys()].sort().join() === [...prompts].sort().join());
  }

  /** Answers a prompt. */
  reply(prompt: string, reply: Reply = 'ok'): void {
    this.open.get(prompt)?.(reply);
    this.open.delete(prompt);
  }

  /** Answers whatever comes from now on. */
  async replyToAll(pack: Promise<unknown>): Promise<void> {
    let ended = false;
    pack
      .catch(() => undefined)
      .finally(() => {
        ended = true;
      });
    await until('the pack has ended', () => {
      for (const prompt of this.open.keys()) this.reply(prompt);
      return ended;
    });
  }
}

const ok = async (held: Held, segments: readonly string[]) =>
  (await held.world.records(segments)).map(({ item }) => item).sort((a, b) => a - b);

describe('a pack on several lanes', () => {
  it('has as many requests in flight, in the order of its items, and one more with every answer', async () => {
    const held = await Held.open();
    const pack = held.world.infer(ALL, { lanes: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1');
    await held.underWay('p0', 'p2', 'p3');
    held.reply('p3');
    await held.underWay('p0', 'p2', 'p4');
    await held.replyToAll(pack);
    const progress = await pack;
    expect(progress).toMatchObject({ ok: ITEMS, requests: ITEMS, unfinished: [], remaining: '' });
    expect(held.asked).toEqual(Array.from({ length: ITEMS }, (_, item) => `p${item}`));
    expect(await ok(held, progress.segments)).toEqual(Array.from({ length: ITEMS }, (_, item) => item));
  });

  it('goes on past an item that fails, and gives it back', async () => {
    const held = await Held.open();
    const pack = held.world.infer('0-4', { lanes: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1', 500);
    await held.underWay('p0', 'p2', 'p3');
    await held.replyToAll(pack);
    const progress = await pack;
    expect(progress).toMatchObject({ ok: 4, requests: 5, remaining: '' });
    expect(progress.unfinished).toMatchObject([{ item: 1, type: 'ServerError' }]);
  });

  it.each<[number, string]>([
    [503, 'NoNodesAvailable'],
    [401, 'Unauthorized'],
    [402, 'PaymentRequired'],
  ])('asks nothing more after a %i, and keeps what is under way, which is paid for', async (status, type) => {
    const held = await Held.open();
    const pack = failureOf(held.world.infer(ALL, { lanes: 3 }));
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await held.underWay('p1', 'p2', 'p3');
    held.reply('p2', status);
    await held.underWay('p1', 'p3');
    held.reply('p3');
    held.reply('p1', 500);
    const failure = await pack;
    expect(failure).toMatchObject({ type, nonRetryable: true });
    const [progress] = failure.details ?? [];
    expect(progress).toMatchObject({ ok: 2, requests: 4, unfinished: [{ item: 1 }], remaining: '2,4-11' });
    expect(held.asked).toEqual(['p0', 'p1', 'p2', 'p3']);
    expect(await ok(held, (progress as { segments: string[] }).segments)).toEqual([0, 3]);
  });

  it('that its workflow wants back gets the answers under way and hands back the rest', async () => {
    const held = await Held.open();
    let cancel = (): void => undefined;
    const onStart = (environment: MockActivityEnvironment) => {
      cancel = () => environment.cancel();
    };
    const pack = held.world.infer(ALL, { lanes: 3, last: true }, { onStart });
    await held.underWay('p0', 'p1', 'p2');
    cancel();
    for (const prompt of ['p2', 'p0', 'p1']) held.reply(prompt);
    expect(await pack).toMatchObject({ ok: 3, requests: 3, unfinished: [], remaining: '3-11' });
    expect(held.asked).toHaveLength(3);
  });

  it('on a worker that is about to leave gets the answers under way and hands back the rest', async () => {
    const drain = new AbortController();
    const held = await Held.open({ drain: drain.signal });
    const pack = held.world.infer(ALL, { lanes: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await held.underWay('p1', 'p2', 'p3');
    drain.abort();
    for (const prompt of ['p3', 'p2', 'p1']) held.reply(prompt);
    expect(await pack).toMatchObject({ ok: 4, remaining: '4-11' });
    expect(held.asked).toHaveLength(4);
  });

  it('on a worker that goes now cuts its requests, and the next attempt asks only what has no answer', async () => {
    const held = await Held.open();
    let stop = (): void => undefined;
    const onStart = (environment: MockActivityEnvironment) => {
      stop = () => environment.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    };
    const first = held.world.infer(ALL, { lanes: 3 }, { onStart });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1');
    await held.underWay('p0', 'p2', 'p3');
    stop();
    expect(await first).toMatchObject({ ok: 1, remaining: '0,2-11' });
    const second = held.world.infer(ALL, { lanes: 3 }, { attempt: 2 });
    await held.replyToAll(second);
    const progress = await second;
    expect(progress).toMatchObject({ ok: ITEMS, remaining: '' });
    expect(held.asked.filter((prompt) => prompt === 'p1')).toHaveLength(1);
    expect(await ok(held, progress.segments)).toHaveLength(ITEMS);
  });

  it('asks nothing more while what it has cannot be written', async () => {
    let [fails, failed] = [true, false];
    const fault: Fault = (call, key) => {
      if (call !== 'put' || !key.includes('/segments/')) return false;
      failed = true;
      return fails;
    };
    const held = await Held.open({ flushIntervalMs: 10, wrap: (storage) => new FaultyStorage(storage, fault) });
    const pack = held.world.infer(ALL, { lanes: 3 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p0');
    await held.underWay('p1', 'p2', 'p3');
    await until('a write has failed', () => failed);
    for (const prompt of ['p1', 'p2', 'p3']) held.reply(prompt);
    await held.underWay();
    expect(held.asked).toEqual(['p0', 'p1', 'p2', 'p3']);
    fails = false;
    await held.replyToAll(pack);
    expect(await pack).toMatchObject({ ok: ITEMS, requests: ITEMS });
  });
});

describe('packs of one run on one worker', () => {
  it('lend each other the lanes that wait for nothing', async () => {
    const held = await Held.open();
    const long = held.world.infer('2-11', { lanes: 2 }, { activityId: 'pack-1' });
    await held.underWay('p2', 'p3');
    const short = held.world.infer('0-1', { lanes: 2, last: true }, { activityId: 'pack-2' });
    await held.underWay('p0', 'p1', 'p2', 'p3');
    held.reply('p1');
    await held.underWay('p0', 'p2', 'p3', 'p4');
    held.reply('p0');
    // The pack is done, and stays for the other to use its lanes.
    await held.underWay('p2', 'p3', 'p4', 'p5');
    await held.replyToAll(Promise.all([long, short]));
    expect(await short).toMatchObject({ ok: 2, remaining: '' });
    expect(await long).toMatchObject({ ok: 10, remaining: '' });
  });

  it('keep them where the runs are different', async () => {
    const held = await Held.open();
    const input = `${held.world.folder}/in.jsonl`;
    await held.world.run('readManifest', { run: 'other', batch: { input } });
    const long = held.world.infer('2-11', { lanes: 1, run: 'other' });
    const short = held.world.infer('0-1', { lanes: 2 });
    await held.underWay('p0', 'p1', 'p2');
    held.reply('p1');
    await held.underWay('p0', 'p2');
    held.reply('p0');
    expect(await short).toMatchObject({ ok: 2 });
    await held.replyToAll(long);
  });
});
