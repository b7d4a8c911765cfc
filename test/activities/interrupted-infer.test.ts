import { ActivityCancellationDetails } from '@temporalio/common';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { completion, type Script, ScriptedServer } from '../dria/scripted-server.js';
import { ActivityWorld, type ActivityWorldOptions, failureOf, RUN_ID } from '../support/activity-env.js';
import { until } from '../support/until.js';
import { type Fault, FaultyStorage } from './faulty-storage.js';

const PROMPTS = ['zero', 'one', 'two', 'three', 'four'];

/** Prompts `zero` to `four`, and a server that does what the script says. */
async function scripted(script: Script, more: Partial<ActivityWorldOptions> = {}) {
  const server = await new ScriptedServer(script).listen();
  onTestFinished(() => server.close());
  const world = await ActivityWorld.open({ baseUrl: server.baseUrl, ...more });
  await world.prepare(PROMPTS);
  const asked = () => server.received.map(({ body }) => String(JSON.parse(body).messages[0].content));
  return { world, server, asked };
}

const answer: Script = (response) => response.writeHead(200).end(completion('Yes.'));

/** A promise that is settled from outside. */
function signal(): { readonly promise: Promise<void>; readonly fire: () => void } {
  let fire = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { promise, fire };
}

const shutdown = (environment: MockActivityEnvironment): void =>
  environment.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));

describe('a pack that is wanted back', () => {
  it('by its workflow gets the answer under way and hands back the rest', async () => {
    let cancel = (): void => undefined;
    const { world, asked } = await scripted((response, request, n) => {
      if (n === 2) cancel();
      answer(response, request, n);
    });
    const onStart = (environment: MockActivityEnvironment) => {
      cancel = () => environment.cancel();
    };
    const progress = await world.infer('0-4', {}, { onStart });
    expect(progress).toMatchObject({ ok: 2, requests: 2, unfinished: [], remaining: '2-4' });
    expect((await world.records(progress.segments)).map(({ item }) => item)).toEqual([0, 1]);
    expect(asked()).toEqual(['zero', 'one']);
  });

  it('by its workflow on the same worker hears of it without a heartbeat', async () => {
    const { world, asked } = await scripted((response, request, n) => {
      if (n === 2) world.withdrawals.withdraw(RUN_ID, 'pack-1');
      if (n === 1) {
        world.withdrawals.withdraw(RUN_ID, 'pack-2');
        world.withdrawals.withdraw('another run', 'pack-1');
      }
      answer(response, request, n);
    });
    const progress = await world.infer('0-4');
    expect(progress).toMatchObject({ ok: 2, requests: 2, unfinished: [], remaining: '2-4' });
    expect(asked()).toEqual(['zero', 'one']);
    expect(await world.infer('2-4')).toMatchObject({ ok: 3, remaining: '' });
  });

  it('before it has begun asks nothing', async () => {
    const { world, asked } = await scripted(answer);
    const progress = await world.infer('0-4', {}, { onStart: (environment) => environment.cancel() });
    expect(progress).toMatchObject({ ok: 0, requests: 0, remaining: '0-4', segments: [] });
    expect(asked()).toEqual([]);
  });

  it('by a worker that is about to leave gets the answer under way and hands back the rest', async () => {
    const drain = new AbortController();
    const { world, asked } = await scripted(
      (response, request, n) => {
        if (n === 3) drain.abort();
        answer(response, request, n);
      },
      { drain: drain.signal },
    );
    expect(await world.infer('0-4')).toMatchObject({ ok: 3, remaining: '3-4' });
    expect(asked()).toEqual(['zero', 'one', 'two']);
  });

  it('by an operator who pauses the activity gets the answer under way', async () => {
    let pause = (): void => undefined;
    const { world } = await scripted((response, request, n) => {
      if (n === 1) pause();
      answer(response, request, n);
    });
    const onStart = (environment: MockActivityEnvironment) => {
      pause = () => environment.cancel('PAUSED', new ActivityCancellationDetails({ paused: true }));
    };
    expect(await world.infer('0-4', {}, { onStart })).toMatchObject({ ok: 1, remaining: '1-4' });
  });

  it('by a worker that goes now cuts the request and keeps every answer it has', async () => {
    let stop = (): void => undefined;
    // The third request is never answered.
    const { world, server } = await scripted(
      (response, request, n) => (n === 3 ? stop() : answer(response, request, n)),
      {
        flushIntervalMs: 60_000,
      },
    );
    const onStart = (environment: MockActivityEnvironment) => {
      stop = () => shutdown(environment);
    };
    const progress = await world.infer('0-4', {}, { onStart });
    expect(progress).toMatchObject({ ok: 2, remaining: '2-4', unfinished: [] });
    expect((await world.records(progress.segments)).map(({ item }) => item)).toEqual([0, 1]);
    await until('the request is cut', () => server.inFlight === 0);
  });
});

describe('a further attempt', () => {
  /** Answers two questions; the third ends the attempt as a lost worker would. */
  async function lost() {
    let stop = (): void => undefined;
    const { world, asked, server } = await scripted((response, request, n) =>
      n === 3 ? stop() : answer(response, request, n),
    );
    const onStart = (environment: MockActivityEnvironment) => {
      stop = () => shutdown(environment);
    };
    const first = await world.infer('0-4', {}, { onStart });
    return { world, asked, server, first };
  }

  it('asks only what the one before has not answered', async () => {
    const { world, asked, first } = await lost();
    const progress = await world.infer('0-4', {}, { attempt: 2 });
    expect(asked()).toEqual(['zero', 'one', 'two', 'two', 'three', 'four']);
    expect(progress).toMatchObject({ ok: 5, remaining: '', unfinished: [] });
    expect(progress.segments).not.toEqual(first.segments);
    expect((await world.records(progress.segments)).map(({ item }) => item)).toEqual([0, 1, 2, 3, 4]);
  });

  it('counts the requests whose answers it takes over', async () => {
    const { world } = await lost();
    expect((await world.infer('0-4', {}, { attempt: 2 })).requests).toBe(5);
  });

  it('takes over from a lost pack that its items were in', async () => {
    const { world, asked } = await lost();
    const takeOver = ['00000000-pack-1/'];
    const some = await world.infer('1-2', { takeOver }, { activityId: 'pack-2' });
    expect(some).toMatchObject({ ok: 2, requests: 2, remaining: '' });
    expect(asked().slice(3)).toEqual(['two']);
  });

  it('takes no answers but those to its own items', async () => {
    const { world, asked } = await lost();
    expect(await world.infer('1,3', {}, { activityId: 'pack-10', attempt: 2 })).toMatchObject({ ok: 2 });
    expect(asked().slice(3)).toEqual(['three']);
  });

  it('leaves what an attempt that was given up still writes beside its own', async () => {
    const { world, first } = await lost();
    const again = await world.infer('3-4', {}, { attempt: 1 });
    // Whatever ran twice under one number, no segment has what another said it wrote.
    expect(again.segments).not.toEqual(first.segments);
    expect((await world.records(first.segments)).map(({ item }) => item)).toEqual([0, 1]);
    expect((await world.records(again.segments)).map(({ item }) => item)).toEqual([3, 4]);
  });

  it('finds what another worker has written since this one last looked', async () => {
    const { world, asked, server } = await lost();
    const other = await world.beside({ baseUrl: server.baseUrl });
    await other.infer('4', {}, { activityId: 'pack-9' });
    expect(await other.infer('0-1', {}, { activityId: 'pack-1', attempt: 2 })).toMatchObject({ ok: 2 });
    await world.infer('2', {}, { activityId: 'pack-8' });
    expect(await other.infer('2', {}, { activityId: 'pack-8', attempt: 2 })).toMatchObject({ ok: 1 });
    expect(asked().slice(3)).toEqual(['four', 'two']);
  });

  it('that is a first one again, since the server lost its last moments, asks nothing twice in a new worker', async () => {
    const { world, asked, server } = await lost();
    const restarted = await world.beside({ baseUrl: server.baseUrl });
    // The items may come in other packs than those that were forgotten.
    expect(await restarted.infer('1-2', {}, { activityId: 'pack-7', attempt: 1 })).toMatchObject({ ok: 2 });
    expect(await restarted.infer('0,4', {}, { activityId: 'pack-1', attempt: 1 })).toMatchObject({ ok: 2 });
    expect(asked().slice(3)).toEqual(['two', 'four']);
  });

  it('of an item alone counts the request whose answer was found once', async () => {
    const { world, asked } = await scripted(answer);
    await world.infer('2', { alone: true });
    expect(await world.infer('2', { alone: true }, { attempt: 2 })).toMatchObject({
      ok: 1,
      requests: 1,
      remaining: '',
    });
    expect(asked()).toEqual(['two']);
  });
});

describe('answers', () => {
  it('are written while the next one is waited for', async () => {
    let written = async (): Promise<void> => undefined;
    const { world } = await scripted(
      async (response, request, n) => {
        if (n === 2) await written();
        answer(response, request, n);
      },
      { flushIntervalMs: 30 },
    );
    written = () => until('the first answer is written', async () => (await world.blockKeys()).length > 0);
    const progress = await world.infer('0-2');
    expect((await world.blockKeys()).length).toBeGreaterThanOrEqual(2);
    expect(progress).toMatchObject({ ok: 3, segments: [expect.any(String)] });
    expect((await world.records(progress.segments)).map(({ item }) => item)).toEqual([0, 1, 2]);
  });

  it('that come at once are written together', async () => {
    const { world } = await scripted(answer, { flushIntervalMs: 60_000 });
    await world.infer('0-4');
    expect(await world.blockKeys()).toHaveLength(1);
  });

  it('of packs that are under way at once are written together, each pack its own segment', async () => {
    let bothAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      bothAsked = resolve;
    });
    const { world } = await scripted(
      async (response, request, n) => {
        if (n === 2) bothAsked();
        await asked;
        answer(response, request, n);
      },
      { flushIntervalMs: 60_000, wrap: (storage) => new FaultyStorage(storage, () => false) },
    );
    const packs = await Promise.all([
      world.infer('0-1', {}, { activityId: 'pack-1' }),
      world.infer('2-4', {}, { activityId: 'pack-2' }),
    ]);
    const items = packs.map(async ({ segments }) => (await world.records(segments)).map(({ item }) => item));
    expect(await Promise.all(items)).toEqual([
      [0, 1],
      [2, 3, 4],
    ]);
    // Five answers: the shorter pack's end wrote what the longer one had so far.
    expect((await world.blockKeys()).length).toBeLessThanOrEqual(2);
  });
});

describe('a storage that fails for a while', () => {
  const segments = (call: string, key: string) => call === 'put' && key.includes('/segments/');

  it('holds back the next question, then the pack goes on and nothing is lost', async () => {
    const failed = signal();
    const seen: number[] = [];
    const fault: Fault = (call, key) => {
      if (!segments(call, key)) return false;
      seen.push(server.received.length);
      failed.fire();
      return seen.length <= 2;
    };
    const { world, server, asked } = await scripted(
      async (response, request, n) => {
        if (n === 2) await failed.promise;
        answer(response, request, n);
      },
      { flushIntervalMs: 10, wrap: (storage) => new FaultyStorage(storage, fault) },
    );
    const progress = await world.infer('0-4');
    // The second question was under way when the first write failed; no other came until a write was good.
    expect(seen.slice(0, 3)).toEqual([2, 2, 2]);
    expect(progress).toMatchObject({ ok: 5, requests: 5, remaining: '' });
    expect(asked()).toEqual(PROMPTS);
    expect((await world.records(progress.segments)).map(({ item }) => item)).toEqual([0, 1, 2, 3, 4]);
  });

  it.each(['get', 'getRange', 'list'] as const)('when it is read (%s) is waited for, not failed on', async (broken) => {
    let faults = 0;
    let begun = false;
    const fault: Fault = (call) => begun && call === broken && ++faults === 1;
    const { world, asked } = await scripted(answer, { wrap: (storage) => new FaultyStorage(storage, fault) });
    begun = true;
    expect(await world.infer('1', { alone: true })).toMatchObject({ ok: 1, requests: 1 });
    expect(faults).toBeGreaterThanOrEqual(1);
    expect(asked()).toEqual(['one']);
  });

  it('when it is read does not keep a pack that is wanted back', async () => {
    let cancel = (): void => undefined;
    let begun = false;
    const fault: Fault = (call) => {
      if (!begun || call !== 'getRange') return false;
      cancel();
      return true;
    };
    const { world, asked } = await scripted(answer, { wrap: (storage) => new FaultyStorage(storage, fault) });
    begun = true;
    const onStart = (environment: MockActivityEnvironment) => {
      cancel = () => environment.cancel();
    };
    expect(await world.infer('0-4', {}, { onStart })).toMatchObject({ ok: 0, remaining: '0-4' });
    expect(asked()).toEqual([]);
  });

  it('until the worker goes fails the attempt, which is tried again', async () => {
    let stop = (): void => undefined;
    const fault: Fault = (call, key) => {
      if (!segments(call, key)) return false;
      stop();
      return true;
    };
    const { world } = await scripted(answer, { wrap: (storage) => new FaultyStorage(storage, fault) });
    const onStart = (environment: MockActivityEnvironment) => {
      stop = () => shutdown(environment);
    };
    const failure = await failureOf(world.infer('0', {}, { onStart }));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: false });
    expect(failure.message).toContain('the disk is full');
  });

  it('while a question is held back does not keep a worker that goes', async () => {
    const failed = signal();
    let stop = (): void => undefined;
    let faults = 0;
    const fault: Fault = (call, key) => {
      if (!segments(call, key)) return false;
      failed.fire();
      // The first failure holds the third question back, the second finds it waiting.
      if (++faults === 2) stop();
      return true;
    };
    const { world, asked } = await scripted(
      async (response, request, n) => {
        if (n === 2) await failed.promise;
        answer(response, request, n);
      },
      { flushIntervalMs: 10, wrap: (storage) => new FaultyStorage(storage, fault) },
    );
    const onStart = (environment: MockActivityEnvironment) => {
      stop = () => shutdown(environment);
    };
    const failure = await failureOf(world.infer('0-4', {}, { onStart }));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: false });
    expect(asked()).toEqual(['zero', 'one']);
  });

  it('and has lost the input for good fails the pack for good', async () => {
    const { world } = await scripted(answer);
    const failure = await failureOf(world.infer('0', { run: 'nobody' }));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: true });
  });
});
