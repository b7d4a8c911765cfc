import { type Clock, systemClock } from '../dria/clock.js';
import { type Waiter, waitAmong } from './waiters.js';

/** What a pack brings of its run's bounds in time, or of those of an endpoint. A bound that is absent does not hold. */
export interface PaceShare {
  /** Requests in flight; a part of one, too. On each worker there is one at least. */
  readonly inFlight?: number | undefined;
  /** Requests a minute. */
  readonly requests?: number | undefined;
  /** Tokens a minute, of prompts and answers. */
  readonly tokens?: number | undefined;
}

/** Part of a bound that is used: requests sent evenly arrive unevenly, and endpoints count in windows of their own. */
const USED = 0.98;

/** Time whose worth may be sent at once after a pause, ms. */
const BURST_MS = 250;

/** Minimum size of a burst: one use fits. */
const LEAST = 1;

/** What may be used of one bound: it grows with time, up to a small burst. */
class Bucket {
  /** What may be used now; below 0 if an answer has cost more than was expected. */
  private level = LEAST;

  /** `filledAt`: now. */
  constructor(private filledAt: number) {}

  /** Returns the time until something may be used again (ms); 0 for now. `rate`: per minute. */
  waitMs(now: number, rate: number): number {
    this.fill(now, rate);
    if (this.level >= LEAST) return 0;
    return ((LEAST - this.level) * 60_000) / (rate * USED);
  }

  use(amount: number): void {
    this.level -= amount;
  }

  private fill(now: number, rate: number): void {
    const perMs = (rate * USED) / 60_000;
    const most = Math.max(LEAST, perMs * BURST_MS);
    this.level = Math.min(most, this.level + (now - this.filledAt) * perMs);
    this.filledAt = now;
  }
}

/** Answers whose tokens weigh as much as all before, in the expectation of the next. */
const REMEMBERED = 50;

/**
 * The requests and tokens a minute that a run may use on a worker, or that it may use of one endpoint there: the sum of the shares of the packs that are there. So
 * they hold over any number of workers, without any of them asking another.
 */
export class RunPace {
  private readonly shares = new Set<PaceShare>();
  private readonly requests: Bucket;
  private readonly tokens: Bucket;
  private readonly waiters = new Set<Waiter & { readonly tokens: number }>();
  /** Sums of the shares. */
  private rates: PaceShare = {};
  private inFlight = 0;
  private cancelTimer: (() => void) | undefined;
  /** Mean of the tokens of an answer; absent before the first. */
  private answerTokens: number | undefined;

  constructor(private readonly clock: Clock = systemClock) {
    const now = clock.now();
    this.requests = new Bucket(now);
    this.tokens = new Bucket(now);
  }

  join(share: PaceShare): void {
    this.shares.add(share);
    this.resize();
  }

  leave(share: PaceShare): void {
    this.shares.delete(share);
    this.resize();
  }

  /** Returns the tokens that a request is expected to use. `maxTokens`: maximum tokens of its answer. */
  expectedTokens(promptTokens: number, maxTokens: number): number {
    return promptTokens + Math.min(maxTokens, this.answerTokens ?? FIRST_ANSWER_TOKENS);
  }

  /**
   * Waits until a request may be sent that is expected to use so many tokens. Returns false if a signal is aborted first. One
   * that may be sent ends with `done`.
   */
  take(tokens: number, signals: readonly AbortSignal[]): boolean | Promise<boolean> {
    if (signals.some(({ aborted }) => aborted)) return false;
    if (this.waiters.size > 0 || this.waitMs() > 0) return this.wait(tokens, signals);
    this.use(tokens);
    return true;
  }

  /** Ends a request: another one may be in flight. */
  done(): void {
    this.inFlight--;
    this.admit();
  }

  /** Corrects the tokens that were expected of a request by those that it has used. */
  correct(expected: number, used: number): void {
    if (this.rates.tokens === undefined) return;
    this.tokens.use(used - expected);
    this.admit();
  }

  /** Learns how many tokens answers have. */
  answered(completionTokens: number): void {
    const { answerTokens = completionTokens } = this;
    this.answerTokens = answerTokens + (completionTokens - answerTokens) / REMEMBERED;
  }

  private resize(): void {
    this.rates = { inFlight: this.sum('inFlight'), requests: this.sum('requests'), tokens: this.sum('tokens') };
    this.admit();
  }

  private sum(bound: keyof PaceShare): number | undefined {
    let sum: number | undefined;
    for (const share of this.shares) {
      const part = share[bound];
      if (part !== undefined) sum = (sum ?? 0) + part;
    }
    return sum;
  }

  private waitMs(): number {
    const now = this.clock.now();
    const { inFlight, requests, tokens } = this.rates;
    // The parts of packs add up to whole numbers, but for the last digit.
    if (inFlight !== undefined && this.inFlight >= Math.max(1, Math.floor(inFlight + 1e-9)))
      return Number.POSITIVE_INFINITY;
    return Math.max(
      requests === undefined ? 0 : this.requests.waitMs(now, requests),
      tokens === undefined ? 0 : this.tokens.waitMs(now, tokens),
    );
  }

  /** What no rate holds back is not counted: a rate that comes later begins with nothing used. */
  private use(tokens: number): void {
    this.inFlight++;
    if (this.rates.requests !== undefined) this.requests.use(1);
    if (this.rates.tokens !== undefined) this.tokens.use(tokens);
  }

  /** Lets waiters go on, in the order of their arrival, and sees to it that the others are looked at again. */
  private admit(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    for (const waiter of this.waiters) {
      const left = this.waitMs();
      if (left > 0) {
        // What waits for the end of a request waits for no time.
        if (left < Number.POSITIVE_INFINITY) this.cancelTimer = this.clock.after(Math.ceil(left), () => this.admit());
        return;
      }
      this.use(waiter.tokens);
      waiter.settle(true);
    }
  }

  private wait(tokens: number, signals: readonly AbortSignal[]): Promise<boolean> {
    const mayGo = waitAmong(this.waiters, { tokens }, signals);
    this.admit();
    return mayGo;
  }
}

/** Tokens that the first answers of a run are expected to have. */
const FIRST_ANSWER_TOKENS = 256;

/** The paces of a run on a worker: its own, and that of each endpoint with bounds of its own. */
export class RunPaces {
  readonly run: RunPace;
  private readonly endpoints = new Map<string, RunPace>();

  constructor(private readonly clock: Clock = systemClock) {
    this.run = new RunPace(clock);
  }

  /** Returns the pace at an endpoint. */
  at(endpoint: string): RunPace {
    const pace = this.endpoints.get(endpoint) ?? new RunPace(this.clock);
    this.endpoints.set(endpoint, pace);
    return pace;
  }

  /** Returns the paces that a request at an endpoint has to keep. */
  of(endpoint: string | undefined): readonly RunPace[] {
    return endpoint === undefined ? [this.run] : [this.at(endpoint), this.run];
  }
}
