import type { ItemId } from '../batch/items.js';
import { IdTable } from './id-table.js';

/** Why an item cannot have the id it has, with the line that has it already. */
export interface IdConflict {
  /**
   * `duplicate`: both lines say it. `is-line-number`: the other line has none, and this is its line number.
   * `line-number-taken`: this line has none, and the other says this line's number.
   */
  readonly kind: 'duplicate' | 'is-line-number' | 'line-number-taken';
  /** 1-based. */
  readonly line: number;
}

const LINE_NUMBER = /^[1-9]\d{0,9}$/;

/**
 * The ids of the items so far, explicit ones and line numbers that stand in for missing ones. `1` and `"1"` are the
 * same id: they read the same in a file of results. Items without ids cost one bit each.
 */
export class SeenIds {
  private readonly explicit = new IdTable();
  private readonly implicit = new LineSet();
  /** Whether an explicit id could be a line's number; without one, lines that have no id need no look-up. */
  private anyLineNumber = false;

  /** Takes the id of the item on `line`, undefined for none. Gives the conflict instead when it is taken. */
  claim(id: ItemId | undefined, line: number): IdConflict | undefined {
    return id === undefined ? this.claimLineNumber(line) : this.claimExplicit(String(id), line);
  }

  /** Whether a line says this id. */
  hasExplicit(id: ItemId): boolean {
    return this.explicit.find(String(id)) !== undefined;
  }

  private claimLineNumber(line: number): IdConflict | undefined {
    const taken = this.anyLineNumber ? this.explicit.find(String(line)) : undefined;
    if (taken !== undefined) return { kind: 'line-number-taken', line: taken };
    this.implicit.add(line);
    return undefined;
  }

  private claimExplicit(text: string, line: number): IdConflict | undefined {
    if (LINE_NUMBER.test(text)) {
      this.anyLineNumber = true;
      if (this.implicit.has(Number(text))) return { kind: 'is-line-number', line: Number(text) };
    }
    const earlier = this.explicit.claim(text, line);
    return earlier === undefined ? undefined : { kind: 'duplicate', line: earlier };
  }
}

/** Line numbers, one bit each. */
class LineSet {
  private bits = new Uint8Array(0);

  add(line: number): void {
    const at = line >>> 3;
    if (at >= this.bits.length) this.grow(at + 1);
    this.bits[at] = (this.bits[at] ?? 0) | (1 << (line & 7));
  }

  has(line: number): boolean {
    return ((this.bits[Math.floor(line / 8)] ?? 0) & (1 << (line & 7))) !== 0;
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.bits.length, 1024));
    larger.set(this.bits);
    this.bits = larger;
  }
}
