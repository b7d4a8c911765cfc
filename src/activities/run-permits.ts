import { setMaxListeners } from 'node:events';
import { type Waiter, waitAmong } from './waiters.js';

/** A pack's part in its run's permits on a worker. */
export interface PackShare {
  /** Permits that the pack brings. */
  readonly permits: number;
  /** Returns how many of its items have not been asked: the pack that is nearest to its end goes first. */
  open(): number;
}

/**
 * The requests that a run may have in flight on a worker: a counting semaphore whose size is the sum of the permits of the
 * packs that are there. A slow answer holds one permit; the pack's others are used by the packs that have items left.
 */
export class RunPermits {
  private size = 0;
  private inUse = 0;
  private readonly packs = new Set<PackShare>();
  private readonly waiters = new Set<Waiter & { readonly share: PackShare }>();
  /** Called once the permits in use fit into the size again. */
  private readonly leaving = new Set<() => void>();
  /** Aborted when no pack has items left; absent while nobody waits for that. */
  private idle: AbortController | undefined;

  /** Adds a pack's permits. */
  join(share: PackShare): void {
    this.packs.add(share);
    this.size += share.permits;
    this.admit();
  }

  /**
   * Takes a pack's permits away. Resolves once the permits in use fit into those that are left: only then may the workflow
   * give them to a pack on another worker.
   */
  async leave(share: PackShare): Promise<void> {
    if (!this.packs.delete(share)) return;
    this.size -= share.permits;
    this.checkIdle();
    if (this.inUse > this.size) await new Promise<void>((resolve) => this.leaving.add(resolve));
  }

  /** Acquires a permit. Returns false if a signal is aborted first. */
  acquire(share: PackShare, signals: readonly AbortSignal[]): boolean | Promise<boolean> {
    if (signals.some(({ aborted }) => aborted)) return false;
    if (this.inUse < this.size && this.waiters.size === 0) {
      this.inUse++;
      return true;
    }
    return waitAmong(this.waiters, { share }, signals);
  }

  /** Releases a permit. */
  release(): void {
    this.inUse--;
    this.admit();
    this.checkIdle();
  }

  /** Returns a signal that is aborted when no pack has items left: none can use more permits than it holds. */
  whenIdle(): AbortSignal {
    if (this.isIdle()) return AbortSignal.abort();
    this.idle ??= new AbortController();
    // Each pack that lingers listens: more than Node takes for a leak.
    setMaxListeners(0, this.idle.signal);
    return this.idle.signal;
  }

  private isIdle(): boolean {
    for (const share of this.packs) if (share.open() > 0) return false;
    return true;
  }

  private checkIdle(): void {
    if (this.idle === undefined || !this.isIdle()) return;
    this.idle.abort();
    this.idle = undefined;
  }

  /** Lets waiters have what is free, and then the packs leave whose permits are not in use any more. */
  private admit(): void {
    while (this.inUse < this.size && this.waiters.size > 0) {
      const [first, ...others] = this.waiters;
      if (first === undefined) return;
      this.inUse++;
      others.reduce((best, waiter) => (waiter.share.open() < best.share.open() ? waiter : best), first).settle(true);
    }
    if (this.inUse > this.size) return;
    for (const resolve of this.leaving) resolve();
    this.leaving.clear();
  }
}
