import { editDistance } from './edit-distance.js';
import { type InputError, NoColumnError } from './errors.js';
import { excerpt, printable } from './excerpt.js';

/** Columns that a message lists. */
const LISTED = 20;

/** Names of columns that are kept of rows that each have their own. */
const KEPT = 1_000;

/** Characters of a name that are compared with others. */
const COMPARED = 64;

/** The columns that a mapping needs, each with the words that follow its name in a message: whether an input has them. */
export class ColumnNames {
  /** Columns that no row has had so far. */
  private readonly unseen: Set<string>;
  private readonly seen = new Set<string>();

  constructor(private readonly needed: ReadonlyMap<string, string>) {
    this.unseen = new Set(needed.keys());
  }

  /** Throws an `InputError` for a table that lacks a column. */
  checkTable(file: string, columns: readonly string[]): void {
    const there = new Set(columns);
    for (const [column, use] of this.needed) if (!there.has(column)) throw noColumn(file, column, use, columns);
    this.unseen.clear();
  }

  /** Takes the columns of a row. */
  see(columns: readonly string[]): void {
    if (this.unseen.size === 0) return;
    for (const column of columns) {
      this.unseen.delete(column);
      if (this.seen.size < KEPT) this.seen.add(column);
    }
  }

  /** Throws an `InputError` if no row had a column that is needed. */
  checkSeen(input: string): void {
    const [column] = this.unseen;
    if (column !== undefined) throw noColumn(input, column, this.needed.get(column) ?? '', [...this.seen]);
  }
}

function noColumn(file: string, column: string, use: string, columns: readonly string[]): InputError {
  const nearest = nearestOf(column, columns);
  const hint = nearest === undefined ? 'there are' : `did you mean ${excerpt(nearest)}? There are`;
  const what = `${printable(file)}: no column ${excerpt(column)}${use}`;
  const brief = `${what}; "dria-temporal check" lists its ${columns.length.toLocaleString('en')} columns`;
  return new NoColumnError(file, `${what}; ${hint} ${listed(columns)}`, brief);
}

/** Returns the column that a misspelt name means, if one is near: two letters changed, or a third of them. */
function nearestOf(name: string, columns: readonly string[]): string | undefined {
  const wanted = comparable(name);
  const most = wanted.length < 3 ? 1 : Math.max(2, Math.floor(wanted.length / 3));
  const near = columns
    .map((column) => ({ column, distance: editDistance(wanted, comparable(column)) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  const nearest = near.filter(({ distance }) => distance === near[0]?.distance).map(({ column }) => column);
  // Of several that differ in their case or blanks, the one that is nearest in these too.
  return nearest.sort((a, b) => editDistance(name, a) - editDistance(name, b))[0];
}

function comparable(name: string): string {
  return name.trim().toLowerCase().slice(0, COMPARED);
}

/** Returns column names for a message. */
export function listed(columns: readonly string[]): string {
  if (columns.length === 0) return 'none';
  const names = columns.slice(0, LISTED).map((column) => excerpt(column));
  if (columns.length > names.length) names.push(`${(columns.length - names.length).toLocaleString('en')} more`);
  return names.join(', ');
}
