/** Wait after a 429 that names none, ms. */
const DEFAULT_HOLD_MS = 1000;

/** Shortest wait after the first of several falls in a row, ms; doubled with each, for endpoints that ask for 0. */
const FLOOR_MS = 100;
const FLOOR_MAX_MS = 30_000;

/**
 * How many requests an endpoint that has said 429 may have in flight, and from when: additive increase, multiplicative
 * decrease, as TCP rides a link of unknown width (RFC 5681). No limit until the first 429.
 */
export class RateLimit {
  /** Nothing may be sent before this time, ms. */
  holdUntil = 0;
  /** Counts the falls; a request carries the number under which it was sent. */
  burst = 0;
  #limit = Number.POSITIVE_INFINITY;
  #fallsInARow = 0;

  /** Requests that may be in flight at once. */
  get allowed(): number {
    return Math.floor(this.#limit);
  }

  /** A good answer to a request sent in `burst`: one more in flight for every `allowed` of them. */
  good(burst: number): void {
    // An answer to a request from before the fall says nothing about the rate after it.
    if (burst !== this.burst) return;
    this.#fallsInARow = 0;
    this.#limit += 1 / this.#limit;
  }

  /** A 429 for a request sent in `burst`, while `inFlight` were under way, that one included. */
  limited(burst: number, inFlight: number, retryAfterMs: number | undefined, now: number): void {
    // The others of the same burst learn nothing new about the number, but may know of a longer wait.
    if (burst === this.burst) {
      this.burst++;
      this.#fallsInARow++;
      this.#limit = Math.max(1, Math.floor(inFlight / 2));
    }
    const floor = Math.min(FLOOR_MS * 2 ** (this.#fallsInARow - 1), FLOOR_MAX_MS);
    this.holdUntil = Math.max(this.holdUntil, now + Math.max(retryAfterMs ?? DEFAULT_HOLD_MS, floor));
  }
}
