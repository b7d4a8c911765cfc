/** What a {@link ByteBudget} has given to one holder. */
export interface Lease {
  /** Resolves (or returns true, at once) when the holder may have so many bytes in all. */
  grow(bytes: number): true | Promise<void>;
  /** Gives all back. To be called once, also while `grow` waits. */
  release(): void;
}

interface Waiter {
  readonly lease: BudgetLease;
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * Bytes that may be in memory at a time, whatever the number of those that need some. Holders take what they need as they
 * go: when nothing is left, one of them may have more than there is, so that there is always one that comes to its end.
 */
export class ByteBudget {
  #held = 0;
  #overdrawn: BudgetLease | undefined;
  readonly #waiters: Waiter[] = [];

  constructor(private readonly size: number) {}

  /** Bytes that are held. */
  get held(): number {
    return this.#held;
  }

  lease(): Lease {
    return new BudgetLease(this);
  }

  /** Gives a lease more bytes; see {@link Lease.grow}. */
  take(lease: BudgetLease, bytes: number): true | Promise<void> {
    if (this.#overdrawn === lease || (this.#waiters.length === 0 && this.#held + bytes <= this.size)) {
      this.#give(lease, bytes);
      return true;
    }
    return new Promise((resolve) => {
      this.#waiters.push({ lease, bytes, resolve });
      this.#admit();
    });
  }

  /** Takes back what a lease has. */
  end(lease: BudgetLease): void {
    this.#held -= lease.bytes;
    if (this.#overdrawn === lease) this.#overdrawn = undefined;
    const waiting = this.#waiters.findIndex((waiter) => waiter.lease === lease);
    if (waiting >= 0) this.#waiters.splice(waiting, 1)[0]?.resolve();
    this.#admit();
  }

  #admit(): void {
    for (let [first] = this.#waiters; first !== undefined; [first] = this.#waiters) {
      if (this.#held + first.bytes > this.size) {
        if (this.#overdrawn !== undefined) return;
        this.#overdrawn = first.lease;
      }
      this.#waiters.shift();
      this.#give(first.lease, first.bytes);
      first.resolve();
    }
  }

  #give(lease: BudgetLease, bytes: number): void {
    this.#held += bytes;
    lease.bytes += bytes;
  }
}

class BudgetLease implements Lease {
  bytes = 0;

  constructor(private readonly budget: ByteBudget) {}

  grow(bytes: number): true | Promise<void> {
    return bytes <= this.bytes ? true : this.budget.take(this, bytes - this.bytes);
  }

  release(): void {
    this.budget.end(this);
    this.bytes = 0;
  }
}
