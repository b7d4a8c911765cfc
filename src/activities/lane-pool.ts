import { setMaxListeners } from 'node:events';

/** A pack that has a part in a pool. */
export interface PoolMember {
  /** Lanes of its own. */
  readonly own: number;
  /** Items that it has yet to ask about. */
  readonly questions: number;
  /** The workflow has no further pack for its lanes. */
  readonly last: boolean;
  /** Gives it a lane that it waits for. */
  serve(): void;
}

/**
 * The lanes of one run that packs on this worker hold. A pack that waits for its last answers lends the lanes that it
 * needs no more to packs that have questions left, so that a slow answer idles no lane but its own. A pack ends only when
 * what it has lent is back, since the workflow then gives its lanes to others: there are never more requests than lanes.
 */
export class LanePool {
  /** Lanes that ending packs hold and nobody uses. */
  private idle = 0;
  /** Packs that have questions left. */
  private readonly asking = new Set<PoolMember>();
  /** Those of them that could use one lane more. */
  private readonly waiting = new Set<PoolMember>();
  /** Packs that wait for lanes they have lent, and how many. */
  private readonly creditors: { owed: number; readonly paid: () => void }[] = [];
  /** Aborted when no pack has questions left; absent while nobody waits for that. */
  private quiet: AbortController | undefined;

  /** A pack begins to ask. */
  begin(pack: PoolMember): void {
    this.asking.add(pack);
  }

  /** It has asked all its questions, or asks no more. */
  asked(pack: PoolMember): void {
    if (!this.asking.delete(pack) || this.asking.size > 0) return;
    this.quiet?.abort();
    this.quiet = undefined;
  }

  /** Aborted when no pack has questions left: nobody can use more lanes than its own. */
  allAsked(): AbortSignal {
    if (this.asking.size === 0) return AbortSignal.abort();
    this.quiet ??= new AbortController();
    // Each pack that stays listens: more than Node takes for a leak.
    setMaxListeners(0, this.quiet.signal);
    return this.quiet.signal;
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
    this.payBack();
    while (this.waiting.size > 0 && this.borrow()) this.nextBorrower().serve();
  }

  /** Takes back lanes that were lent, as they come free. */
  async collect(lanes: number): Promise<void> {
    if (lanes === 0) return;
    await new Promise<void>((paid) => {
      this.creditors.push({ owed: lanes, paid });
      this.payBack();
    });
  }

  /** A pack waits to be served a lane. */
  queue(pack: PoolMember): void {
    this.waiting.add(pack);
  }

  /** It waits no more. */
  unqueue(pack: PoolMember): void {
    this.waiting.delete(pack);
  }

  private payBack(): void {
    for (let first = this.creditors[0]; first !== undefined && this.idle > 0; first = this.creditors[0]) {
      const paid = Math.min(this.idle, first.owed);
      this.idle -= paid;
      first.owed -= paid;
      if (first.owed > 0) return;
      this.creditors.shift();
      first.paid();
    }
  }

  private nextBorrower(): PoolMember {
    return [...this.waiting].reduce((best, pack) => (goesBefore(pack, best) ? pack : best));
  }
}

/** Whether a lane that is lent goes to one pack rather than to another. */
function goesBefore(pack: PoolMember, other: PoolMember): boolean {
  if (pack.last !== other.last) return other.last;
  // The sooner a pack ends, the sooner its lanes have the next one; where none comes, all should end together.
  if (!pack.last) return pack.questions < other.questions;
  return pack.questions / pack.own > other.questions / other.own;
}
