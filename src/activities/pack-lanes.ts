import type { LanePool, PoolMember } from './lane-pool.js';
import { pause } from './patience.js';

/** Longest time that a pack which is done stays to lend its lanes, ms. */
const LONGEST_STAY_MS = 60_000;

/** The lanes of one pack: its own, and those it borrows. */
export class PackLanes implements PoolMember {
  readonly own: number;
  readonly last: boolean;
  questions: number;
  private used = 0;
  private ending = false;
  /** Lanes of its own that the pool has. */
  private lent = 0;
  private allBack: () => void = () => undefined;
  /** Ends the waiting for a lane; absent while the pack does not wait. */
  private settle: ((taken: boolean) => void) | undefined;

  constructor(
    private readonly pool: LanePool,
    { own, questions, last }: Pick<PoolMember, 'own' | 'questions' | 'last'>,
  ) {
    this.own = own;
    this.questions = questions;
    this.last = last;
    if (questions > 0) pool.begin(this);
  }

  /** Waits for a lane, of its own or lent. False when a signal is aborted first. Not called again before it settles. */
  async take(signals: readonly AbortSignal[]): Promise<boolean> {
    if (signals.some(({ aborted }) => aborted)) return false;
    if (this.used >= this.own && !this.pool.borrow()) return await this.wait(signals);
    this.taken();
    return true;
  }

  /** Gives a lane back. */
  give(): void {
    this.used--;
    if (this.used >= this.own) this.pool.lend(1);
    else if (this.settle !== undefined) this.serve();
    else if (this.ending && this.used > 0) this.lend(1);
    // The last one is not lent: a pack with a single lane has nothing to wait for.
    else if (this.ending) this.allBack();
  }

  /** Takes no more lanes. Resolves when all that it took were given back. */
  async end(): Promise<void> {
    this.ending = true;
    this.pool.asked(this);
    if (this.used === 0) return;
    const allBack = new Promise<void>((resolve) => {
      this.allBack = resolve;
    });
    this.lend(Math.max(0, this.own - this.used));
    await allBack;
  }

  /** After the end: lends all lanes until no pack can use them, a signal is aborted, or it was long enough. */
  async stay(signals: readonly AbortSignal[]): Promise<void> {
    this.lend(this.own - this.lent);
    await pause(LONGEST_STAY_MS, [...signals, this.pool.allAsked()]);
  }

  /** After the end: takes its lanes out of the pool. Resolves when what it lent is back. */
  async leave(): Promise<void> {
    await this.pool.collect(this.lent);
  }

  serve(): void {
    this.settle?.(true);
  }

  private lend(lanes: number): void {
    this.lent += lanes;
    this.pool.lend(lanes);
  }

  private taken(): void {
    this.used++;
    this.questions--;
    if (this.questions === 0) this.pool.asked(this);
  }

  private wait(signals: readonly AbortSignal[]): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (taken: boolean): void => {
        this.pool.unqueue(this);
        this.settle = undefined;
        for (const signal of signals) signal.removeEventListener('abort', stopped);
        if (taken) this.taken();
        resolve(taken);
      };
      const stopped = (): void => settle(false);
      this.settle = settle;
      this.pool.queue(this);
      for (const signal of signals) signal.addEventListener('abort', stopped);
    });
  }
}
