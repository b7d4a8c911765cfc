/** Number of items that must have failed alike before a run is taken for one that cannot be answered. */
const ENOUGH = 5;

/**
 * The first failures of a run on a worker. While nothing has been answered and all failures are alike, they say more of the
 * run (a misspelt model, a wrong setting) than of its items.
 */
export class RunRefusals {
  private isAnswered = false;
  private readonly items = new Map<string, Set<number>>();

  /** Notes an answer: from now on failures are the items' own. */
  answered(): void {
    this.isAnswered = true;
    this.items.clear();
  }

  /** Notes an item that ended in an error. */
  failed(item: number, error: string): void {
    if (this.isAnswered) return;
    const kind = kindOf(error);
    const items = this.items.get(kind) ?? new Set();
    this.items.set(kind, items.add(item));
  }

  /** True if the first items have all failed alike and nothing has been answered. */
  get areAll(): boolean {
    const [first, ...others] = this.items.values();
    return !this.isAnswered && first !== undefined && others.length === 0 && first.size >= ENOUGH;
  }

  /** True if failures are held back, since they may be the run's. */
  get areHeld(): boolean {
    return !this.isAnswered;
  }
}

/** An error without what differs from item to item: quoted text, numbers and ids. */
function kindOf(error: string): string {
  return error
    .replace(/(["'`]).*?\1/g, '…')
    .replace(/[\w-]*\d[\w-]*/g, (word) => (/^\d{3}$/.test(word) ? word : '#'))
    .slice(0, 120);
}
