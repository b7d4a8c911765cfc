import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/dria/clock.js';
import { DriaError } from '../../src/dria/errors.js';
import { Gate, type Pass, UNPROVEN_REQUESTS } from '../../src/dria/gate.js';

/** A clock that stands until it is moved. */
class HandClock implements Clock {
  #time = 0;
  readonly timers = new Map<() => void, number>();
  now = () => this.#time;
  after(ms: number, task: () => void): () => void {
    const timer = () => task();
    this.timers.set(timer, this.#time + ms);
    return () => this.timers.delete(timer);
  }
  move(ms: number): void {
    this.#time += ms;
    for (const [timer, due] of [...this.timers]) {
      if (due > this.#time || !this.timers.delete(timer)) continue;
      timer();
    }
  }
}

/** Sends `count` requests into the gate; `passes` are those that were let through, in order. */
function send(gate: Gate, count: number, passes: Pass[] = []): Pass[] {
  for (let n = 0; n < count; n++) {
    const entered = gate.enter();
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
    ['PaymentRequired', 402, true],
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
    const waiting = Array.from({ length: 50 }, () => gate.enter());
    const error = unauthorized();
    if (first) gate.leave(first, error);
    for (const result of await Promise.allSettled(waiting))
      expect(result).toEqual({ status: 'rejected', reason: error });
    expect(() => gate.enter()).toThrow(error);
    expect(gate.load).toEqual({ inFlight: UNPROVEN_REQUESTS - 1, waiting: 0 });
    clock.move(10_000);
    expect(send(gate, 9)).toHaveLength(1);
  });
});

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
      const entered = gate.enter();
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
    const waiting = Promise.resolve(gate.enter(controller.signal));
    expect(clock.timers.size).toBe(1);
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(gate.load.waiting).toBe(0);
    expect(clock.timers.size).toBe(0);
    expect(() => gate.enter(controller.signal)).toThrow(reason);
  });

  it('is in the order of arrival', async () => {
    const { gate, clock } = provenGate();
    const [pass] = send(gate, 1);
    if (pass) gate.leave(pass, limited(1000));
    const order: number[] = [];
    const entered = [0, 1, 2].map(async (n) => {
      const waited = await gate.enter();
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
    const waiting = Promise.resolve(gate.enter());
    gate.close();
    await expect(waiting).rejects.toMatchObject({ code: 'NetworkError', message: 'the endpoint was closed' });
    expect(clock.timers.size).toBe(0);
    expect(() => gate.enter()).toThrow('the endpoint was closed');
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
    const left = Promise.resolve(gate.enter(leaving.signal)).catch((error: unknown) => error);
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
