/** What a rate limit allows: one token bucket per key. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst?: number | undefined;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Token buckets, one per key, refilled all the time and never over the burst. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #burst: number;

  constructor(private readonly limit: RateLimit) {
    this.#burst = limit.burst ?? Math.max(1, Math.ceil(limit.perSecond));
  }

  /** Takes a token. Returns 0, or the seconds (at least 1, whole) until there is one. `now` is in ms. */
  take(key: string, now: number = performance.now()): number {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now };
    this.#buckets.set(key, bucket);
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.limit.perSecond);
    bucket.at = now;
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.limit.perSecond));
    bucket.tokens -= 1;
    return 0;
  }
}

/** The account: one credit an answer. Without a start there is no end to them. */
export class Credits {
  #left: number;

  constructor(start: number = Infinity) {
    this.#left = start;
  }

  /** What `GET /v1/credits/balance` says; Dria counts 100 credits to the USDC. */
  balance(): { balance: number; balance_usdc: string } {
    const balance = Number.isFinite(this.#left) ? this.#left : 1_000_000;
    return { balance, balance_usdc: (balance / 100).toFixed(2) };
  }

  /** Takes the credit of one answer, before it is made: two requests at once cannot spend the same one. */
  reserve(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** Gives credits back, or adds new ones. */
  add(credits: number): void {
    this.#left += credits;
  }
}

/** Requests that each model has in flight, against what its nodes take at once. */
export class Capacity {
  readonly #inFlight = new Map<string, number>();

  constructor(private readonly perNode: number = Infinity) {}

  /** Takes a place on one of the model's nodes, if there is one. */
  enter(model: string, nodes: number): boolean {
    const inFlight = this.#inFlight.get(model) ?? 0;
    if (inFlight >= nodes * this.perNode) return false;
    this.#inFlight.set(model, inFlight + 1);
    return true;
  }

  leave(model: string): void {
    this.#inFlight.set(model, (this.#inFlight.get(model) ?? 0) - 1);
  }
}
