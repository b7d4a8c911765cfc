import type { Clock } from './clock.js';
import { changedError, DriaError } from './errors.js';

/** How long a breaker stays open: the first time, and at most after doublings (ms). */
export interface Cooling {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The right to send one request; given back by `succeed`, `trip` or `release`. */
export interface Pass {
  /** Counts how often the breaker has opened: an older pass says nothing about the time after. */
  readonly generation: number;
  readonly isProbe: boolean;
}

/**
 * A circuit breaker. Closed, it lets everything through. Tripped, it is open: everything fails with the error that tripped
 * it, until it has cooled. Then it is half-open: one request probes, and the others wait for what that comes to.
 */
export class Breaker {
  readonly #clock: Clock;
  #generation = 0;
  /** The pass of all that are let through without probing: one object for thousands of requests a second. */
  #plainPass: Pass = { generation: 0, isProbe: false };
  #openUntil = 0;
  #error: DriaError | undefined;
  #coolingMs = 0;
  #isProbing = false;
  /** The probe was sent: others may go, though nothing is proven. */
  #othersMayGo = false;
  readonly #waiters = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Lets one request through. Throws the standing error while open; returns nothing while another request probes. */
  enter(): Pass | undefined {
    if (this.#error === undefined || this.#othersMayGo) return this.#plainPass;
    if (this.#clock.now() < this.#openUntil) throw this.standing();
    if (this.#isProbing) return undefined;
    this.#isProbing = true;
    return { generation: this.#generation, isProbe: true };
  }

  /** The error that tripped the breaker, as of a request that was not sent, with the time that is left. */
  standing(): DriaError {
    const left = Math.max(0, Math.ceil(this.#openUntil - this.#clock.now()));
    const error = this.#error ?? new DriaError({ code: 'TargetUnavailable', message: 'out for now' });
    return changedError(error, { unsent: true, retryAfterMs: left, tokens: undefined });
  }

  /** Resolves when the probe has ended; throws the signal's reason when aborted. */
  probeEnds(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#isProbing) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const ended = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiters.delete(ended);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(ended);
    });
  }

  /** True while nothing is known against what is behind it. */
  get isClosed(): boolean {
    return this.#error === undefined;
  }

  /** True for the pass of the request that probes now. */
  isProbe({ generation, isProbe }: Pass): boolean {
    return isProbe && generation === this.#generation;
  }

  /** The probe is on its way: the others need not wait for its answer. */
  letOthers(pass: Pass): void {
    if (!this.isProbe(pass)) return;
    this.#othersMayGo = true;
    this.#endProbe();
  }

  /** A good answer. Closes the breaker, unless it opened after the request was sent. */
  succeed(pass: Pass): void {
    if (pass.generation === this.#generation) this.close();
  }

  /** Closes the breaker and forgets how long it cooled. */
  close(): void {
    if (this.#error === undefined) return;
    this.#error = undefined;
    this.#coolingMs = 0;
    this.#othersMayGo = false;
    this.#endProbe();
  }

  /** Opens the breaker for as long as the error asks for, else for twice the time of before. Returns the time (ms). */
  trip(pass: Pass, error: DriaError, cooling: Cooling): number {
    const now = this.#clock.now();
    if (pass.generation === this.#generation) {
      this.#plainPass = { generation: ++this.#generation, isProbe: false };
      this.#coolingMs = nextCooling(this.#coolingMs, error.retryAfterMs, cooling);
      this.#openUntil = now + this.#coolingMs;
      this.#othersMayGo = false;
      this.#error = error;
      this.#endProbe();
    }
    // The others of the same burst double nothing, but may bring a longer wait.
    if (this.#error !== undefined) this.#openUntil = Math.max(this.#openUntil, now + (error.retryAfterMs ?? 0));
    return Math.max(0, Math.round(this.#openUntil - now));
  }

  /** The request came to nothing that says anything. */
  release(pass: Pass): void {
    if (this.isProbe(pass)) this.#endProbe();
  }

  #endProbe(): void {
    this.#isProbing = false;
    for (const ended of [...this.#waiters]) ended();
    this.#waiters.clear();
  }
}

/** A time that is asked for is believed; one that turns out too short again and again is doubled up to the first of ours. */
function nextCooling(beforeMs: number, askedMs: number | undefined, { firstMs, longestMs }: Cooling): number {
  if (askedMs !== undefined) return Math.max(askedMs, Math.min(Math.max(beforeMs * 2, 1000), firstMs));
  return Math.min(Math.max(firstMs, beforeMs * 2), longestMs);
}
