/**
 * The lanes of one run that packs on this worker hold. A pack that waits for its last answers lends the lanes that it
 * needs no more to packs that have questions left, so that a slow answer idles no lane but its own. A pack ends only when
 * what it has lent is back, since the workflow then gives its lanes to others: there are never more requests than lanes.
 */
export class LanePool {
  /** Lanes that ending packs hold and nobody uses. */
  private idle = 0;
  /** Packs that could use one lane more, in the order in which they came. */
  private readonly waiting = new Set<() => void>();
  /** Packs that wait for lanes they have lent, and how many. */
  private readonly creditors: { owed: number; readonly paid: () => void }[] = [];

  /** A pack that begins, with lanes of its own. */
  join(lanes: number): PackLanes {
    return new PackLanes(this, lanes);
  }

  /** Takes a lane that is lent; false when there is none. */
  borrow(): boolean {
    if (this.idle === 0) return false;
    this.idle--;
    return true;
  }

  /** Lends lanes. Those that others wait to have back go to them first. */
  lend(lanes: number): void {
    this.idle += lanes;
    while (this.idle > 0) {
      const [creditor] = this.creditors;
      if (creditor === undefined) break;
      const paid = Math.min(this.idle, creditor.owed);
      this.idle -= paid;
      creditor.owed -= paid;
      if (creditor.owed > 0) continue;
      this.creditors.shift();
      creditor.paid();
    }
    for (const serve of this.waiting) {
      if (!this.borrow()) break;
      this.waiting.delete(serve);
      serve();
    }
  }

  /** Takes back lanes that were lent, as they come free. */
  async collect(lanes: number): Promise<void> {
    const now = this.creditors.length > 0 ? 0 : Math.min(this.idle, lanes);
    this.idle -= now;
    const owed = lanes - now;
    if (owed > 0) await new Promise<void>((paid) => this.creditors.push({ owed, paid }));
  }

  /** Calls `serve` with the next lane that is lent, unless the returned function is called before. */
  await(serve: () => void): () => void {
    this.waiting.add(serve);
    return () => this.waiting.delete(serve);
  }
}

/** The lanes of one pack: its own, and those it borrows. */
export class PackLanes {
  private used = 0;
  private ending = false;
  private readonly ended: Promise<void>;
  private end: () => void = () => undefined;
  /** Gives the waiting pack the lane that it has just come to have; absent while it does not wait. */
  private serve: (() => void) | undefined;

  constructor(
    private readonly pool: LanePool,
    private readonly own: number,
  ) {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** Waits for a lane, of its own or lent. False when a signal is aborted first. Not called again before it settles. */
  async take(signals: readonly AbortSignal[]): Promise<boolean> {
    if (signals.some(({ aborted }) => aborted)) return false;
    if (this.used < this.own || this.pool.borrow()) {
      this.used++;
      return true;
    }
    return await this.next(signals);
  }

  /** Gives a lane back. */
  give(): void {
    this.used--;
    if (this.used >= this.own) this.pool.lend(1);
    else if (this.serve !== undefined) this.serve();
    else if (this.ending) this.giveWhileEnding();
  }

  /** Takes no more lanes. Resolves when all it took were given back, and it has back what it lent meanwhile. */
  async leave(): Promise<void> {
    this.ending = true;
    if (this.used === 0) return;
    this.pool.lend(Math.max(0, this.own - this.used));
    await this.ended;
  }

  private giveWhileEnding(): void {
    if (this.used > 0) this.pool.lend(1);
    // The last one is not lent: with a single lane there is nothing to wait for.
    else this.pool.collect(this.own - 1).then(this.end, this.end);
  }

  private next(signals: readonly AbortSignal[]): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (taken: boolean): void => {
        stopWaiting();
        this.serve = undefined;
        for (const signal of signals) signal.removeEventListener('abort', stopped);
        if (taken) this.used++;
        resolve(taken);
      };
      const stopped = (): void => settle(false);
      this.serve = () => settle(true);
      const stopWaiting = this.pool.await(this.serve);
      for (const signal of signals) signal.addEventListener('abort', stopped);
    });
  }
}

/** The lane pools of a worker: one for each run that has a pack on it. */
export class LanePools {
  private readonly pools = new Map<string, { readonly pool: LanePool; users: number }>();

  /** The lanes of a pack of a run. They are out of the pool when `leave` has resolved. */
  join(run: string, lanes: number): { readonly lanes: PackLanes; readonly leave: () => Promise<void> } {
    const entry = this.pools.get(run) ?? { pool: new LanePool(), users: 0 };
    this.pools.set(run, entry);
    entry.users++;
    const joined = entry.pool.join(lanes);
    const leave = async (): Promise<void> => {
      await joined.leave();
      if (--entry.users === 0) this.pools.delete(run);
    };
    return { lanes: joined, leave };
  }
}
