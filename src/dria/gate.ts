import { type Clock, systemClock } from './clock.js';
import { DriaError, isDriaError } from './errors.js';
import { RateLimit } from './rate-limit.js';

/** Requests in flight at most until the key is proven: a wrong key costs a handful of requests, not one a lane. */
export const UNPROVEN_REQUESTS = 4;

/** How long a refused key is believed to be refused still, ms: what comes late in a burst is not sent either. */
const REFUSED_MS = 10_000;

/** The right to send one request. Goes back by {@link Gate.leave}, once. */
export interface Pass {
  readonly burst: number;
}

interface Waiter {
  readonly admit: (pass: Pass) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * What all requests to one endpoint go through, so that a 429 holds the whole worker and a wrong key is found by few:
 * after a 429 nothing is sent until the wait is over, then the number in flight is halved and grows with good answers;
 * until the key is proven only {@link UNPROVEN_REQUESTS} are in flight; a 401 fails all that wait here; and a worker that
 * serves more lanes than it may have requests holds them here, before their time-outs run.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #maxInFlight: number;
  readonly #limit = new RateLimit();
  /** In the order of arrival. */
  readonly #waiters = new Set<Waiter>();
  #inFlight = 0;
  #proven = false;
  #refusal: { readonly error: unknown; readonly until: number } | undefined;
  #cancelTimer: (() => void) | undefined;
  #closed: DriaError | undefined;

  /** `maxInFlight`: requests in flight at most, whatever else allows more. */
  constructor(clock: Clock = systemClock, maxInFlight = Number.POSITIVE_INFINITY) {
    this.#clock = clock;
    this.#maxInFlight = maxInFlight;
  }

  /** Requests in flight and waiting. */
  get load(): { readonly inFlight: number; readonly waiting: number } {
    return { inFlight: this.#inFlight, waiting: this.#waiters.size };
  }

  /**
   * Waits for the right to send a request; at once (no promise) when nothing stands against it. Throws the signal's
   * reason when aborted, and the `Unauthorized` error of another request when the key was just refused.
   */
  enter(signal?: AbortSignal): Pass | Promise<Pass> {
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed;
    const now = this.#clock.now();
    if (this.#refusal !== undefined && now < this.#refusal.until) throw this.#refusal.error;
    if (this.#waiters.size === 0 && this.#isOpen(now)) return this.#pass();
    return this.#wait(signal);
  }

  /** Gives the right back. `error` is what the request came to; none means a good answer. */
  leave(pass: Pass, error?: unknown): void {
    this.#learn(pass, error);
    this.#inFlight--;
    this.#admit();
  }

  /** The key is good: from now on nothing but the rate limit holds requests. */
  prove(): void {
    this.#proven = true;
    this.#refusal = undefined;
    this.#admit();
  }

  /** The key was refused: fails what waits, and for a while what comes. */
  refuse(error: unknown): void {
    this.#proven = false;
    this.#refusal = { error, until: this.#clock.now() + REFUSED_MS };
    this.#failAll(error);
  }

  /** Fails what waits and what comes. */
  close(): void {
    this.#closed = new DriaError({ code: 'NetworkError', message: 'the endpoint was closed' });
    this.#failAll(this.#closed);
  }

  #learn(pass: Pass, error: unknown): void {
    if (error === undefined) {
      this.#limit.good(pass.burst);
      if (!this.#proven) this.prove();
    } else if (isDriaError(error)) {
      if (error.code === 'RateLimited') {
        this.#limit.limited(pass.burst, this.#inFlight, error.retryAfterMs, this.#clock.now());
      } else if (error.code === 'Unauthorized') this.refuse(error);
      else if (provesKey(error)) this.prove();
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<Pass> {
    const promise = new Promise<Pass>((resolve, reject) => {
      const done = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
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
      this.#waiters.add(waiter);
    });
    this.#admit();
    return promise;
  }

  /**
   * Lets go on who may, and sees to it that the others are looked at again. At one moment for both: a hold that ended in
   * between would be over for nobody, and leave them waiting for ever.
   */
  #admit(): void {
    const now = this.#clock.now();
    for (const waiter of this.#waiters) {
      if (!this.#isOpen(now)) break;
      waiter.admit(this.#pass());
    }
    this.#watch(now);
  }

  #pass(): Pass {
    this.#inFlight++;
    return { burst: this.#limit.burst };
  }

  #isOpen(now: number): boolean {
    const allowed = Math.min(this.#limit.allowed, this.#maxInFlight);
    const most = this.#proven ? allowed : Math.min(UNPROVEN_REQUESTS, allowed);
    return this.#inFlight < most && now >= this.#limit.holdUntil;
  }

  /** Keeps a timer for the end of the hold while somebody waits for it, and none otherwise. */
  #watch(now: number): void {
    const left = this.#limit.holdUntil - now;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (left <= 0 || this.#waiters.size === 0) return;
    this.#cancelTimer = this.#clock.after(Math.ceil(left), () => this.#admit());
  }

  #failAll(error: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.fail(error);
    this.#admit();
  }
}

/**
 * Whether a failure comes from behind the check of the key. What a proxy or an overloaded front may say by itself
 * (429, 5xx, a web page) proves nothing.
 */
function provesKey(error: DriaError): boolean {
  return error.status !== undefined && [400, 402, 404, 413, 422].includes(error.status);
}
