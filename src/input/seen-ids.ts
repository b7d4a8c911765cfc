import type { ItemId } from '../batch/items.js';
import { IdTable } from './id-table.js';
import type { ScratchFile } from './scratch-file.js';
import { SpilledTable } from './spilled-table.js';

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

/** The ids of the items so far. */
export interface Ids {
  /** Takes the id of the item on `line`, undefined for none. Returns the conflict instead if it is taken. */
  claim(id: ItemId | undefined, line: number): IdConflict | undefined;
  /** Returns whether a line says this id. */
  hasExplicit(id: ItemId): boolean;
}

/** Explicit ids with the line that had each first. */
interface Explicit {
  find(text: string): number | undefined;
  claim(text: string, line: number): number | undefined;
}

/**
 * The ids of the items so far, explicit ones and line numbers that stand in for missing ones. `1` and `"1"` are the
 * same id: they read the same in a file of results. Items without ids cost one bit each.
 */
export class SeenIds implements Ids {
  private readonly implicit = new LineSet();
  /** Whether an explicit id could be a line's number; without one, lines that have no id need no look-up. */
  private anyLineNumber = false;

  constructor(private readonly explicit: Explicit = new IdTable()) {}

  /** Takes the id of the item on `line`, undefined for none. Gives the conflict instead when it is taken. */
  claim(id: ItemId | undefined, line: number): IdConflict | undefined {
    return id === undefined ? this.claimLineNumber(line) : this.claimExplicit(String(id), line);
  }

  /** Whether a line says this id. */
  hasExplicit(id: ItemId): boolean {
    return this.explicit.find(String(id)) !== undefined;
  }

  /** True if an explicit id could be a line's number. */
  get hasLineNumber(): boolean {
    return this.anyLineNumber;
  }

  /** Calls `visit` for each line whose number stands in for its id. */
  forEachWithoutId(visit: (line: number) => void): void {
    this.implicit.forEach(visit);
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

/** Ids of which some have been found to be taken twice: hashes, so that it is only a candidate that is found. */
export type RepeatedIds = Pick<IdTable, 'find' | 'size'>;

/**
 * The ids of an input that may have more of them than fit into memory. While they are few, conflicts are found as the lines go
 * by. Of many it is known at the end which could be repeated; these {@link exactIds} finds when the lines go by once more.
 */
export class ManyIds implements Ids {
  private readonly repeats = new IdTable();
  private readonly table: SpilledTable;
  private readonly seen: SeenIds;

  /** `kept`: ids in memory. */
  constructor(file: ScratchFile, kept?: number) {
    this.table = new SpilledTable(file, kept);
    this.seen = new SeenIds(this.table);
  }

  /** Takes the id of the item on `line` as {@link SeenIds.claim} does. Undefined for a conflict that is not known yet. */
  claim(id: ItemId | undefined, line: number): IdConflict | undefined {
    const conflict = this.seen.claim(id, line);
    if (conflict !== undefined) this.repeats.claim(String(id ?? line), line);
    return conflict;
  }

  /** Returns whether a line says this id, if the ids are few. */
  hasExplicit(id: ItemId): boolean {
    return this.seen.hasExplicit(id);
  }

  /**
   * Returns the ids that could be taken twice, and those that are numbers of the lines `wanted`. Undefined if there are none,
   * or all is known already. To be called once, at the end.
   */
  repeated(wanted: Iterable<number>): RepeatedIds | undefined {
    if (this.table.isExact) return undefined;
    const { hasLineNumber } = this.seen;
    const add = (line: number): void => void this.table.claim(String(line), line);
    if (hasLineNumber) {
      this.seen.forEachWithoutId(add);
      for (const line of wanted) add(line);
    }
    const lines = new LineSet();
    this.table.forEachRepeat((hash, line, first) => {
      this.repeats.claimHash(hash, line);
      lines.add(line);
      lines.add(first);
    });
    if (this.repeats.size === 0) return undefined;
    if (hasLineNumber) {
      // These lines will say no id that can be used either.
      lines.forEach(add);
      this.table.forEachRepeat((hash, line) => this.repeats.claimHash(hash, line));
    }
    return this.repeats;
  }
}

/** Returns ids of which only those among `repeated` are kept, and compared as texts: two may share a hash. */
export function exactIds(repeated: RepeatedIds): SeenIds {
  const lines = new Map<string, number>();
  return new SeenIds({
    find: (text) => lines.get(text),
    claim: (text, line) => {
      const earlier = lines.get(text);
      if (earlier === undefined && repeated.find(text) !== undefined) lines.set(text, line);
      return earlier;
    },
  });
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

  forEach(visit: (line: number) => void): void {
    this.bits.forEach((bits, at) => {
      for (let bit = 0; bits >> bit !== 0; bit++) if (((bits >> bit) & 1) !== 0) visit(8 * at + bit);
    });
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.bits.length, 1024));
    larger.set(this.bits);
    this.bits = larger;
  }
}
