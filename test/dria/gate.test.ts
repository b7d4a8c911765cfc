import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/dria/clock.js';
import { DriaError } from '../../src/dria/errors.js';
import { Gate, type Pass, UNPROVEN_REQUESTS } from '../../src/dria/gate.js';
import { HandClock } from './hand-clock.js';

/** Sends `count` requests into the gate; `passes` are those that were let through, in order. */
function send(gate: Gate, count: number, passes: Pass[] = [], target = 'm'): Pass[] {
  for (let n = 0; n < count; n++) {
    const entered = gate.enter(target);
    if (entered instanceof Promise) void entered.then((pass) => passes.push(pass));
    else passes.push(entered);
  }
  return passes;
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const limited = (retryAfterMs?: number) =>
  new DriaError({ code: 'RateLimited', status: 429, message: '', retryAfterMs });
const unauthorized = () => new DriaError({ code: 'Unauthorized', status: 401, message: 'the API key was refused' });

function provenGate(): { readonly gate: Gate; readonly clock: HandClock } {
  const clock = new HandClock();
  const gate = new Gate(clock);
  gate.prove();
  return { gate, clock };
}

describe('until the key is proven', () => {
  it('a handful of requests are in flight, and all others after the first good answer', async () => {
    const gate = new Gate(new HandClock());
    const passes = send(gate, 100);
    expect(passes).toHaveLength(UNPROVEN_REQUESTS);
    for (const pass of passes.slice(0, 1)) gate.leave(pass);
    await settled();
    expect(passes).toHaveLength(100);
    expect(gate.load).toEqual({ inFlight: 99, waiting: 0 });
  });

  it.each<[string, number, boolean]>([
    ['InvalidRequest', 400, true],
    ['ModelUnavailable', 404, true],
    ['NoNodesAvailable', 503, false],
    ['ServerError', 502, false],
  ])('%s (%i) proves it: %s', async (code, status, proves) => {
    const gate = new Gate(new HandClock());
    const passes = send(gate, 20);
    const [first] = passes;
    if (first) gate.leave(first, new DriaError({ code: code as 'ServerError', status, message: '' }));
    await settled();
    expect(gate.load.inFlight).toBe(proves ? 19 : UNPROVEN_REQUESTS);
  });

  it('a balance that was told proves it too', async () => {
    const gate = new Gate(new HandClock());
    const passes = send(gate, 20);
    gate.prove();
    await settled();
    expect(passes).toHaveLength(20);
  });

  it('a 401 fails all that wait without sending them, and what comes soon after', async () => {
    const clock = new HandClock();
    const gate = new Gate(clock);
    const [first] = send(gate, UNPROVEN_REQUESTS);
    const waiting = Array.from({ length: 50 }, () => gate.enter('m'));
    const error = unauthorized();
    if (first) gate.leave(first, error);
    for (const result of await Promise.allSettled(waiting))
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'Unauthorized', status: 401, unsent: true } });
    expect(() => gate.enter('m')).toThrow(error.message);
    expect(gate.load).toEqual({ inFlight: UNPROVEN_REQUESTS - 1, waiting: 0 });
    clock.move(10_000);
    expect(send(gate, 9)).toHaveLength(1);
  });
});

describe('the key', () => {
  it('is believed when a request has been under way for a second without a refusal', async () => {
    const clock = new HandClock();
    const gate = new Gate(clock);
    const passes = send(gate, 100);
    clock.move(999);
    await settled();
    expect(passes).toHaveLength(UNPROVEN_REQUESTS);
    clock.move(1);
    await settled();
    expect(passes).toHaveLength(100);
    expect(gate.keyProven).toBe(false);
  });

  it('is not believed because a second has gone by in which nothing was under way', async () => {
    const clock = new HandClock();
    const gate = new Gate(clock);
    const error = new DriaError({ code: 'ServerError', status: 502, message: '' });
    for (const pass of send(gate, 1)) gate.leave(pass, error);
    clock.move(1000);
    expect(send(gate, 100)).toHaveLength(UNPROVEN_REQUESTS);
  });

  it('is believed, and not proven, where a list was accepted that was sent without it', async () => {
    const gate = new Gate(new HandClock());
    gate.believe();
    expect(send(gate, 100)).toHaveLength(100);
    expect(gate.keyProven).toBe(false);
  });

  it('that is good but has no money fails what waits, nothing later, and is still proven', async () => {
    const gate = new Gate(new HandClock(), 2);
    gate.prove();
    const [first] = send(gate, 2);
    const waiting = gate.enter('m');
    if (first) gate.leave(first, new DriaError({ code: 'PaymentRequired', status: 402, message: 'no credits' }));
    await expect(waiting).rejects.toMatchObject({ code: 'PaymentRequired', unsent: true });
    expect(send(gate, 1)).toHaveLength(1);
    expect(gate.keyProven).toBe(true);
  });
});

describe('a target that is rate limited', () => {
  it('holds no other target', async () => {
    const { gate, clock } = provenGate();
    const [pass] = send(gate, 1);
    if (pass) gate.leave(pass, limited(50_000));
    expect(send(gate, 10, [], 'other')).toHaveLength(10);
    const held = send(gate, 1);
    clock.move(50_000);
    await settled();
    expect(held).toHaveLength(1);
  });

  it('refuses at once whoever would wait for longer than it wants to, also if it waits already', async () => {
    const { gate } = provenGate();
    const [a, b] = send(gate, 2);
    if (a) gate.leave(a, limited(4000));
    const waiting = Promise.resolve(gate.enter('m', { longestHoldMs: 5000 }));
    if (b) gate.leave(b, limited(900_000));
    await expect(waiting).rejects.toMatchObject({
      code: 'RateLimited',
      status: 429,
      fault: 'target',
      unsent: true,
      retryAfterMs: 900_000,
    });
    expect(() => gate.enter('m', { longestHoldMs: 60_000 })).toThrow(
      expect.objectContaining({ retryAfterMs: 900_000 }),
    );
    expect(gate.load.waiting).toBe(0);
    expect(gate.holdMs('m')).toBe(900_000);
  });

  it('does not keep those behind it from their turn: the longest waiting of all targets goes first', async () => {
    const clock = new HandClock();
    const gate = new Gate(clock, 2);
    gate.prove();
    const [a] = send(gate, 2);
    const order: string[] = [];
    for (const target of ['x', 'm', 'x', 'y']) void Promise.resolve(gate.enter(target)).then(() => order.push(target));
    if (a) gate.leave(a, limited(1000));
    for (let n = 0; n < 2; n++) {
      await settled();
      gate.leave({ lane: a?.lane ?? never(), burst: 0 });
    }
    await settled();
    expect(order).toEqual(['x', 'x', 'y']);
  });

  it('has fewer requests in flight after connections are lowered, never fewer than one', () => {
    const { gate } = provenGate();
    gate.lower(0);
    expect(send(gate, 5)).toHaveLength(1);
  });
});

function never(): never {
  throw new Error('never');
}

describe('after a 429', () => {
  it('nothing is sent until the wait is over, then half of what was in flight', async () => {
    const { gate, clock } = provenGate();
    const passes = send(gate, 40);
    for (const pass of passes.splice(0)) gate.leave(pass, limited(2000));
    send(gate, 100, passes);
    clock.move(1999);
    await settled();
    expect(passes).toHaveLength(0);
    clock.move(1);
    await settled();
    expect(passes).toHaveLength(20);
    expect(gate.load).toEqual({ inFlight: 20, waiting: 80 });
  });

  it('the number in flight grows by one for as many good answers, and waits for none to fall', async () => {
    const { gate, clock } = provenGate();
    const passes = send(gate, 8);
    for (const pass of passes.splice(0)) gate.leave(pass, limited(0));
    clock.move(100);
    send(gate, 100, passes);
    await settled();
    const most: number[] = [];
    for (let answers = 0; answers < 30; answers++) {
      most.push(gate.load.inFlight);
      const pass = passes.shift();
      if (pass) gate.leave(pass);
      await settled();
    }
    expect(most[0]).toBe(4);
    expect(most.at(-1)).toBeGreaterThanOrEqual(8);
    expect(most.at(-1)).toBeLessThanOrEqual(9);
    expect(most).toEqual([...most].sort((a, b) => a - b));
  });

  it('the others of the same burst do not lower the number again', async () => {
    const { gate, clock } = provenGate();
    const burst = send(gate, 64);
    for (const pass of burst) gate.leave(pass, limited(1000));
    clock.move(1000);
    const passes = send(gate, 64);
    expect(passes).toHaveLength(32);
    for (const pass of passes) gate.leave(pass, limited(1000));
    clock.move(1000);
    expect(gate.load).toEqual({ inFlight: 16, waiting: 16 });
  });

  it('the longest of the waits that a burst was told counts', async () => {
    const { gate, clock } = provenGate();
    const [a, b] = send(gate, 2);
    if (a) gate.leave(a, limited(5000));
    if (b) gate.leave(b, limited(1000));
    const passes = send(gate, 1);
    clock.move(4999);
    await settled();
    expect(passes).toHaveLength(0);
    clock.move(1);
    await settled();
    expect(passes).toHaveLength(1);
  });

  it('an endpoint that keeps saying 429 with no wait is asked ever more seldom', async () => {
    const { gate, clock } = provenGate();
    const waits: number[] = [];
    for (let n = 0; n < 6; n++) {
      const before = clock.now();
      const entered = gate.enter('m');
      for (const due of clock.timers.values()) clock.move(due - before);
      gate.leave(await entered, limited(0));
      waits.push(clock.now() - before);
    }
    expect(waits).toEqual([0, 100, 200, 400, 800, 1600]);
  });
});

describe('waiting in the gate', () => {
  it('ends with the reason of the signal, leaving neither place nor timer', async () => {
    const { gate, clock } = provenGate();
    const [pass] = send(gate, 1);
    if (pass) gate.leave(pass, limited(30_000));
    const controller = new AbortController();
    const waiting = Promise.resolve(gate.enter('m', { signal: controller.signal }));
    expect(clock.timers.size).toBe(1);
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(gate.load.waiting).toBe(0);
    expect(clock.timers.size).toBe(0);
    expect(() => gate.enter('m', { signal: controller.signal })).toThrow(reason);
  });

  it('is in the order of arrival', async () => {
    const { gate, clock } = provenGate();
    const [pass] = send(gate, 1);
    if (pass) gate.leave(pass, limited(1000));
    const order: number[] = [];
    const entered = [0, 1, 2].map(async (n) => {
      const waited = await gate.enter('m');
      order.push(n);
      gate.leave(waited);
    });
    clock.move(1000);
    await Promise.all(entered);
    expect(order).toEqual([0, 1, 2]);
  });

  it('ends when the endpoint is closed', async () => {
    const { gate, clock } = provenGate();
    const [pass] = send(gate, 1);
    if (pass) gate.leave(pass, limited(30_000));
    const waiting = Promise.resolve(gate.enter('m'));
    gate.close();
    await expect(waiting).rejects.toMatchObject({ code: 'NetworkError', message: 'the endpoint was closed' });
    expect(clock.timers.size).toBe(0);
    expect(() => gate.enter('m')).toThrow('the endpoint was closed');
  });
});

describe('the end of a hold', () => {
  /** A clock that goes on with every look at it, and whose timers fire up to 1 ms early, as Node's do. */
  class GoingClock implements Clock {
    #time = 0;
    readonly #timers = new Map<object, { readonly due: number; readonly task: () => void }>();

    constructor(private readonly stepMs: number) {}

    now = () => {
      this.#time += this.stepMs;
      return this.#time;
    };

    after(ms: number, task: () => void): () => void {
      const timer = {};
      this.#timers.set(timer, { due: this.#time + ms, task });
      return () => this.#timers.delete(timer);
    }

    /** Fires timers until there is none. */
    run(): void {
      for (const [timer, { due, task }] of this.#timers) {
        this.#timers.delete(timer);
        this.#time = Math.max(this.#time, due - 1);
        task();
      }
    }
  }

  const steps = Array.from({ length: 100 }, (_, n) => 0.01 * (n + 1));

  it('lets all go on, however the moments of looking at the clock fall', async () => {
    for (const step of steps) {
      const clock = new GoingClock(step);
      const gate = new Gate(clock);
      gate.prove();
      const passes = send(gate, 1);
      for (const pass of passes) gate.leave(pass, limited(20));
      send(gate, 3, passes);
      clock.run();
      await settled();
      expect(gate.load.inFlight, `${step} ms between two looks`).toBe(1);
    }
  });

  it('lets the others go on when one that waited leaves at that moment', async () => {
    const { gate, clock } = provenGate();
    const [first] = send(gate, 1);
    if (first) gate.leave(first, limited(200));
    const leaving = new AbortController();
    const left = Promise.resolve(gate.enter('m', { signal: leaving.signal })).catch((error: unknown) => error);
    const passes = send(gate, 1);
    // The hold is over, and its timer has not fired yet.
    for (const [timer, due] of clock.timers) clock.timers.set(timer, due + 50);
    clock.move(200);
    leaving.abort(new Error('left'));
    await left;
    clock.move(100);
    await settled();
    expect(passes).toHaveLength(1);
  });
});
