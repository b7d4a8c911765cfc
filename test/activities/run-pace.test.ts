import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunPace } from '../../src/activities/run-pace.js';
import { HandClock } from '../dria/hand-clock.js';

const MINUTE = 60_000;
const NEVER: readonly AbortSignal[] = [];

/** Times (ms) at which requests go out for so long from workers that always have another one, each with its shares. */
async function sent(clock: HandClock, paces: readonly RunPace[], forMs: number, tokens = 0): Promise<number[]> {
  const times: number[] = [];
  const end = clock.now() + forMs;
  const over = new AbortController();
  const work = paces.map(async (pace) => {
    while (await pace.take(tokens, [over.signal])) times.push(clock.now());
  });
  while (clock.now() < end) {
    // As many turns as it takes until all workers wait.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    clock.move(5);
  }
  over.abort();
  await Promise.all(work);
  return times.sort((a, b) => a - b);
}

/** Maximum number of times within any minute. */
function mostInAMinute(times: readonly number[]): number {
  let from = 0;
  return times.reduce((most, time, at) => {
    while ((times[from] ?? 0) <= time - MINUTE) from++;
    return Math.max(most, at - from + 1);
  }, 0);
}

/** Paces on workers whose packs share the requests a minute. */
function workers(clock: HandClock, rpm: number, count: number, bound: 'requests' | 'tokens' = 'requests'): RunPace[] {
  return Array.from({ length: count }, () => {
    const pace = new RunPace(clock);
    pace.join({ [bound]: rpm / count / 2 });
    pace.join({ [bound]: rpm / count / 2 });
    return pace;
  });
}

describe('requests a minute', () => {
  it.each([
    [1, 600],
    [4, 600],
    [4, 100],
    [1, 6_000],
  ])('are kept by %i workers together, and used: %i', async (count, rpm) => {
    const clock = new HandClock();
    const times = await sent(clock, workers(clock, rpm, count), 3 * MINUTE);
    // Each worker may begin with one.
    expect(mostInAMinute(times)).toBeLessThanOrEqual(rpm + count - 1);
    expect(times.length).toBeGreaterThanOrEqual(3 * rpm * 0.97);
  });

  it('are fewer on a worker after a pack has left, and more after one has come', async () => {
    const clock = new HandClock();
    const pace = new RunPace(clock);
    const [half, other] = [{ requests: 300 }, { requests: 300 }];
    pace.join(half);
    pace.join(other);
    const both = await sent(clock, [pace], MINUTE);
    pace.leave(other);
    const one = await sent(clock, [pace], MINUTE);
    expect([Math.round(both.length / 30), Math.round(one.length / 30)]).toEqual([20, 10]);
  });

  it('hold nothing back if no pack has a bound', () => {
    const pace = new RunPace(new HandClock());
    pace.join({});
    for (let request = 0; request < 10_000; request++) expect(pace.take(1_000, NEVER)).toBe(true);
    pace.join({ requests: 60 });
    // What went before counts for nothing.
    expect(pace.take(0, NEVER)).toBe(true);
  });

  it('are not waited for by a pack that ends', async () => {
    const pace = new RunPace(new HandClock());
    pace.join({ requests: 1 });
    expect(pace.take(0, NEVER)).toBe(true);
    const ending = new AbortController();
    const waiting = pace.take(0, [ending.signal]);
    const next = pace.take(0, [AbortSignal.abort()]);
    ending.abort();
    expect([await waiting, await next]).toEqual([false, false]);
  });

  it('go to whoever has waited longest', async () => {
    const clock = new HandClock();
    const pace = new RunPace(clock);
    pace.join({ requests: 60 });
    expect(pace.take(0, NEVER)).toBe(true);
    const order: number[] = [];
    const waits = [1, 2, 3].map((n) => Promise.resolve(pace.take(0, NEVER)).then(() => order.push(n)));
    for (let second = 0; second < 4; second++) {
      clock.move(1_100);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    await Promise.all(waits);
    expect(order).toEqual([1, 2, 3]);
  });
});

describe('tokens a minute', () => {
  it('are used as expected of each request, and corrected by what it has used', async () => {
    const clock = new HandClock();
    const [pace = new RunPace(clock)] = workers(clock, 10_000, 1, 'tokens');
    const first = await sent(clock, [pace], 2 * MINUTE, 100);
    expect(first.length).toBeGreaterThanOrEqual(194);
    expect(first.length).toBeLessThanOrEqual(200);
    // Each has cost twice as much: what was used too much is waited for.
    for (const _ of first.slice(0, 100)) pace.correct(100, 200);
    const second = await sent(clock, [pace], MINUTE, 100);
    expect(second.length).toBeLessThanOrEqual(2);
  });

  it('are expected to be those of the prompt and of the answers before', () => {
    const pace = new RunPace(new HandClock());
    expect(pace.expectedTokens(10, 2_000)).toBe(266);
    expect(pace.expectedTokens(10, 50)).toBe(60);
    pace.answered(700);
    expect(pace.expectedTokens(10, 2_000)).toBe(710);
    for (let answer = 0; answer < 500; answer++) pace.answered(100);
    expect(pace.expectedTokens(10, 2_000)).toBeLessThan(111);
  });

  it('come to the bound over time, whatever each request uses', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
        const clock = new HandClock();
        const [pace = new RunPace(clock)] = workers(clock, 60_000, 1, 'tokens');
        let used = 0;
        for (let n = 0; clock.now() < 5 * MINUTE; n++) {
          const size = sizes[n % sizes.length] ?? 1;
          const allowed = pace.take(500, NEVER);
          while (allowed !== true && (await Promise.race([allowed, 'waits'])) === 'waits') clock.move(20);
          pace.correct(500, size);
          used += size;
          clock.move(1);
        }
        expect(used / 5).toBeLessThanOrEqual(60_000 + 4_000);
        // A request takes a millisecond here: with small ones that, and not the bound, is the limit.
        const fastest = (60_000 * sizes.reduce((sum, size) => sum + size, 0)) / sizes.length / 2;
        expect(used / 5).toBeGreaterThanOrEqual(Math.min(60_000 * 0.94, fastest));
      }),
      { numRuns: 30 },
    );
  });
});
