import { type Clock, systemClock } from './clock.js';
import { changedError, DriaError, isDriaError } from './errors.js';
import { RateLimit } from './rate-limit.js';

/** Maximum requests in flight until the key is believed: a wrong key costs a handful of requests, not one a permit. */
export const UNPROVEN_REQUESTS = 4;

/** A refused key is refused at once: a chat request that has been under way for so long (ms) without it shows a good one. */
const BELIEF_MS = 1000;

/** How long after a refused key requests fail here instead of being sent (ms). */
const REFUSED_MS = 10_000;

/** The right to send one request. Goes back by {@link Gate.leave}, once. */
export interface Pass {
  readonly lane: Lane;
  readonly burst: number;
}

/** How a request waits in the gate. */
export interface Entry {
  readonly signal?: AbortSignal | undefined;
  /** If the target is held longer than this (ms), the wait fails with its `RateLimited`. Default: waits for any time. */
  readonly longestHoldMs?: number;
}

/** What all requests to one target share. */
interface Lane {
  readonly limit: RateLimit;
  /** In the order of arrival. */
  readonly waiters: Set<Waiter>;
  inFlight: number;
  /** The last 429. */
  limitedBy: DriaError | undefined;
}

interface Waiter {
  readonly arrival: number;
  readonly longestHoldMs: number;
  readonly admit: (pass: Pass) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * What all requests to one endpoint go through before they are sent. For each target: after a 429 nothing is sent until
 * the wait is over, then the number in flight is halved and grows with good answers. For the endpoint: until the key is
 * believed only {@link UNPROVEN_REQUESTS} are in flight, a refused key fails all that wait, and a worker with more permits
 * than connections holds requests here, before their time-outs run.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();
  #maxInFlight: number;
  #arrivals = 0;
  #inFlight = 0;
  #waiting = 0;
  #believed = false;
  #proven = false;
  #refusal: { readonly error: unknown; readonly until: number } | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelBelief: (() => void) | undefined;
  #closed: DriaError | undefined;

  /** `maxInFlight`: maximum requests in flight, whatever else allows more. */
  constructor(clock: Clock = systemClock, maxInFlight = Number.POSITIVE_INFINITY) {
    this.#clock = clock;
    this.#maxInFlight = maxInFlight;
  }

  /** Requests in flight and waiting. */
  get load(): { readonly inFlight: number; readonly waiting: number } {
    return { inFlight: this.#inFlight, waiting: this.#waiting };
  }

  /** True once the endpoint has accepted the key. */
  get keyProven(): boolean {
    return this.#proven;
  }

  get maxInFlight(): number {
    return this.#maxInFlight;
  }

  /** Lowers the maximum of requests in flight. */
  lower(maxInFlight: number): void {
    this.#maxInFlight = Math.min(this.#maxInFlight, Math.max(1, maxInFlight));
  }

  /** Time (ms) until requests to the target may be sent again after a 429. */
  holdMs(target: string): number {
    const until = this.#lanes.get(target)?.limit.holdUntil ?? 0;
    return Math.max(0, until - this.#clock.now());
  }

  /**
   * Waits for the right to send a request to a target; at once (no promise) if nothing stands against it. Throws the
   * signal's reason when aborted, and errors that are `unsent`: the refusal of the key by another request, and
   * `RateLimited` if the target is held for too long.
   */
  enter(target: string, entry: Entry = {}): Pass | Promise<Pass> {
    entry.signal?.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed;
    const now = this.#clock.now();
    if (this.#refusal !== undefined && now < this.#refusal.until) throw unsent(this.#refusal.error);
    const lane = this.#lane(target);
    const held = lane.limit.holdUntil - now;
    if (held > (entry.longestHoldMs ?? Number.POSITIVE_INFINITY)) throw tooLongHeld(lane, held);
    if (lane.waiters.size === 0 && this.#hasRoom() && isOpen(lane, now)) return this.#pass(lane);
    return this.#wait(lane, entry);
  }

  /** Gives the right back. `error` is what the request came to; none means a good answer. */
  leave(pass: Pass, error?: unknown): void {
    this.#learn(pass, error);
    this.#inFlight--;
    pass.lane.inFlight--;
    if (this.#waiting > 0) this.#admit();
  }

  /** The endpoint has accepted the key: from now on nothing but rate limits and connections hold requests. */
  prove(): void {
    this.#proven = true;
    this.#refusal = undefined;
    this.believe();
  }

  /** The key seems good: all may send. */
  believe(): void {
    this.#believed = true;
    this.#cancelBelief?.();
    this.#cancelBelief = undefined;
    this.#admit();
  }

  /** The key was refused: fails what waits, and for a while what comes. */
  refuse(error: unknown): void {
    this.#refusal = { error, until: this.#clock.now() + REFUSED_MS };
    this.#failAll(unsent(error));
  }

  /** Fails what waits and what comes. */
  close(): void {
    this.#closed = new DriaError({
      code: 'NetworkError',
      fault: 'endpoint',
      message: 'the endpoint was closed',
      unsent: true,
    });
    this.#cancelBelief?.();
    this.#failAll(this.#closed);
  }

  #learn(pass: Pass, error: unknown): void {
    if (error === undefined) {
      pass.lane.limit.good(pass.burst);
      if (!this.#proven) this.prove();
    } else if (isDriaError(error) && error.unsent !== true) this.#learnError(pass, error);
  }

  #learnError({ lane, burst }: Pass, error: DriaError): void {
    if (error.code === 'RateLimited') this.#limited(lane, burst, error);
    else if (error.code === 'Unauthorized') {
      this.#proven = false;
      this.#believed = false;
      this.#cancelBelief?.();
      this.#cancelBelief = undefined;
      this.refuse(error);
    } else if (error.code === 'PaymentRequired') {
      // Only what waits: somebody may pay at any moment, and the run that was refused pauses by itself.
      this.#failAll(unsent(error));
    } else if (provesKey(error)) this.prove();
  }

  #limited(lane: Lane, burst: number, error: DriaError): void {
    lane.limit.limited(burst, lane.inFlight, error.retryAfterMs, this.#clock.now());
    lane.limitedBy = error;
    const held = this.#holdOf(lane);
    for (const waiter of [...lane.waiters]) if (held > waiter.longestHoldMs) waiter.fail(tooLongHeld(lane, held));
  }

  #holdOf(lane: Lane): number {
    return lane.limit.holdUntil - this.#clock.now();
  }

  #lane(target: string): Lane {
    const known = this.#lanes.get(target);
    if (known !== undefined) return known;
    const lane: Lane = { limit: new RateLimit(), waiters: new Set(), inFlight: 0, limitedBy: undefined };
    this.#lanes.set(target, lane);
    return lane;
  }

  #wait(lane: Lane, { signal, longestHoldMs = Number.POSITIVE_INFINITY }: Entry): Promise<Pass> {
    const promise = new Promise<Pass>((resolve, reject) => {
      const done = () => {
        if (lane.waiters.delete(waiter)) this.#waiting--;
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        arrival: this.#arrivals++,
        longestHoldMs,
        admit: (pass) => {
          done();
          resolve(pass);
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      const onAbort = () => {
        waiter.fail(signal?.reason);
        this.#admit();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      lane.waiters.add(waiter);
      this.#waiting++;
    });
    this.#admit();
    return promise;
  }

  /**
   * Lets go on who may, the longest waiting first, and sees to it that the others are looked at again. At one moment for
   * both: a hold that ended in between would be over for nobody, and leave them waiting for ever.
   */
  #admit(): void {
    const now = this.#clock.now();
    while (this.#waiting > 0 && this.#hasRoom()) {
      const next = this.#next(now);
      if (next === undefined) break;
      next.waiter.admit(this.#pass(next.lane));
    }
    this.#watch(now);
  }

  #next(now: number): { readonly lane: Lane; readonly waiter: Waiter } | undefined {
    let next: { readonly lane: Lane; readonly waiter: Waiter } | undefined;
    for (const lane of this.#lanes.values()) {
      const [waiter] = lane.waiters;
      if (waiter === undefined || !isOpen(lane, now)) continue;
      if (next === undefined || waiter.arrival < next.waiter.arrival) next = { lane, waiter };
    }
    return next;
  }

  #pass(lane: Lane): Pass {
    this.#inFlight++;
    lane.inFlight++;
    if (!this.#believed && this.#cancelBelief === undefined) {
      this.#cancelBelief = this.#clock.after(BELIEF_MS, () => this.#unrefused());
    }
    return { lane, burst: lane.limit.burst };
  }

  #hasRoom(): boolean {
    const most = this.#believed ? this.#maxInFlight : Math.min(UNPROVEN_REQUESTS, this.#maxInFlight);
    return this.#inFlight < most;
  }

  /** Nothing was refused for a second. With nothing in flight that says nothing, and the next request begins anew. */
  #unrefused(): void {
    this.#cancelBelief = undefined;
    if (this.#inFlight > 0) this.believe();
  }

  /** Keeps a timer for the end of the first hold that somebody waits for, and none otherwise. */
  #watch(now: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#waiting === 0) return;
    let left = Number.POSITIVE_INFINITY;
    for (const { waiters, limit } of this.#lanes.values()) {
      if (waiters.size > 0 && limit.holdUntil > now) left = Math.min(left, limit.holdUntil - now);
    }
    if (Number.isFinite(left)) this.#cancelTimer = this.#clock.after(Math.ceil(left), () => this.#admit());
  }

  #failAll(error: unknown): void {
    for (const { waiters } of this.#lanes.values()) for (const waiter of [...waiters]) waiter.fail(error);
    this.#admit();
  }
}

function isOpen({ limit, inFlight }: Lane, now: number): boolean {
  return inFlight < limit.allowed && now >= limit.holdUntil;
}

function tooLongHeld({ limitedBy }: Lane, heldMs: number): DriaError {
  const message = limitedBy?.message ?? 'rate limited';
  const status = limitedBy?.status;
  return new DriaError({ code: 'RateLimited', message, status, retryAfterMs: Math.ceil(heldMs), unsent: true });
}

function unsent(error: unknown): unknown {
  return isDriaError(error) ? changedError(error, { unsent: true }) : error;
}

/**
 * Returns whether a failure comes from behind the check of the key. What a proxy or an overloaded front may say by itself
 * (429, 5xx, a web page) proves nothing.
 */
function provesKey(error: DriaError): boolean {
  return error.status !== undefined && [400, 402, 404, 413, 422].includes(error.status) && error.fault !== 'endpoint';
}
