import type { ItemId } from '../../batch/items.js';
import { shownKind } from '../failure-kind.js';
import type { RowBlock } from '../row-block.js';
import { Haystack, searchable } from './haystack.js';

/** A row of the table, whole. */
export interface Row {
  readonly item: number;
  readonly id: ItemId;
  readonly model: string | undefined;
  /** The kind of its failure; undefined when it was answered. */
  readonly kind: string | undefined;
  readonly text: string;
  readonly prompt: string | undefined;
  readonly attachment: string | undefined;
  readonly tokens: number;
  readonly truncated: boolean;
  readonly at: number | undefined;
  readonly ms: number | undefined;
  readonly attempts: number | undefined;
  readonly tried: readonly string[];
}

/** Which rows are wanted. */
export interface Filter {
  /** What must be in the id, the model, the prompt, the answer or the error; any case. */
  readonly text: string;
  readonly model?: string | undefined;
  readonly status?: 'ok' | 'failed' | 'cut' | undefined;
  readonly kind?: string | undefined;
}

/** What rows can be sorted by. */
export type SortKey = 'item' | 'id' | 'status' | 'model' | 'tokens' | 'ms' | 'at';

/** Which way rows are sorted. */
export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** The rows of the table, searched, filtered and sorted by their numbers in it. */
export class RowStore {
  private readonly rows: Row[] = [];
  private readonly byItem = new Map<number, number>();
  private readonly haystacks: { readonly first: number; readonly haystack: Haystack }[] = [];

  get size(): number {
    return this.rows.length;
  }

  /** Takes the rows of a block, after those it has. */
  add(block: RowBlock): void {
    const rows = rowsOf(block);
    const first = this.rows.length;
    for (const row of rows) {
      this.byItem.set(row.item, this.rows.length);
      this.rows.push(row);
    }
    this.haystacks.push({ first, haystack: new Haystack(rows.map(searched)) });
  }

  row(number: number): Row | undefined {
    return this.rows[number];
  }

  /** The number of an item's row. */
  numberOf(item: number): number | undefined {
    return this.byItem.get(item);
  }

  /** How many rows each model and each kind of failure has. */
  tally(): { readonly models: Map<string, number>; readonly kinds: Map<string, number>; readonly cut: number } {
    const [models, kinds] = [new Map<string, number>(), new Map<string, number>()];
    let cut = 0;
    for (const { model, kind, truncated } of this.rows) {
      if (model !== undefined) models.set(model, (models.get(model) ?? 0) + 1);
      if (kind !== undefined) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (truncated) cut++;
    }
    return { models, kinds, cut };
  }

  /** Numbers of the rows that a filter lets through, sorted. */
  select(filter: Filter, { key, descending }: Sort): Uint32Array {
    const numbers: number[] = [];
    const take = (number: number): void => {
      const row = this.rows[number];
      if (row !== undefined && isWanted(row, filter)) numbers.push(number);
    };
    if (searchable(filter.text) === '') this.rows.forEach((_, number) => void take(number));
    else {
      for (const { first, haystack } of this.haystacks)
        haystack.find(filter.text, (position) => take(first + position));
    }
    const selected = Uint32Array.from(numbers);
    if (key === 'item') return descending ? selected.reverse() : selected;
    return this.sorted(selected, key, descending);
  }

  private sorted(numbers: Uint32Array, key: SortKey, descending: boolean): Uint32Array {
    // Each row's value is looked up once, not at each comparison.
    const values = this.rows.map((row) => sortValue(row, key));
    const way = descending ? -1 : 1;
    return numbers.sort((a, b) => {
      const [one, other] = [values[a], values[b]];
      // What has no value is last, whichever way.
      if (one === undefined || other === undefined)
        return Number(one === undefined) - Number(other === undefined) || a - b;
      return way * compare(one, other) || a - b;
    });
  }
}

function searched({ id, model, text, prompt, attachment }: Row): string {
  return [id, model, prompt, text, attachment].filter((part) => part !== undefined).join('\n');
}

function isWanted(row: Row, { model, status, kind }: Filter): boolean {
  if (model !== undefined && row.model !== model) return false;
  if (kind !== undefined && row.kind !== kind) return false;
  if (status === 'ok') return row.kind === undefined;
  if (status === 'failed') return row.kind !== undefined;
  return status !== 'cut' || row.truncated;
}

function sortValue(row: Row, key: SortKey): string | number | undefined {
  if (key === 'status') return row.kind ?? '';
  // An answer of no tokens is one whose endpoint does not count.
  return key === 'tokens' ? row.tokens || undefined : row[key];
}

function compare(one: string | number, other: string | number): number {
  if (typeof one === typeof other) return one < other ? -1 : Number(one > other);
  return typeof one === 'number' ? -1 : 1;
}

function rowsOf(block: RowBlock): Row[] {
  const failures = new Map(block.failures.map(([row, attempts, tried]) => [row, { attempts, tried }]));
  const attachments = new Map(block.attachments);
  const truncated = new Set(block.truncated);
  const moments = sums(block.at);
  return block.items.map((item, position): Row => {
    const failure = failures.get(position);
    const text = block.texts[position] ?? '';
    return {
      item,
      id: block.ids[position] ?? item,
      model: block.names[block.models[position] ?? -1],
      kind: failure === undefined ? undefined : shownKind(text),
      text,
      prompt: block.prompts[position] ?? undefined,
      attachment: attachments.get(position),
      tokens: block.tokens[position] ?? 0,
      truncated: truncated.has(position),
      at: moments[position],
      ms: block.ms[position] ?? undefined,
      attempts: failure?.attempts ?? undefined,
      tried: (failure?.tried ?? []).flatMap((name) => block.names[name] ?? []),
    };
  });
}

function sums(differences: readonly (number | null)[]): (number | undefined)[] {
  let sum = 0;
  return differences.map((difference) => {
    if (difference === null) return undefined;
    sum += difference;
    return sum;
  });
}
