import { count } from '../words.js';
import { Detail } from './detail.js';
import { byId } from './dom.js';
import { Filters } from './filters.js';
import { blocks } from './load.js';
import { localizeMoments } from './moments.js';
import { RowStore, type Sort, type SortKey } from './row-store.js';
import { Table } from './table.js';

/** As in the input. */
const IN_ORDER: Sort = { key: 'item', descending: false };

/** The rows of the page: the table, the fields above it and the row that is open. */
class Rows {
  private readonly store = new RowStore();
  private readonly total = Number(byId('row-count', HTMLScriptElement).textContent);
  private readonly detail = new Detail();
  private readonly filters = new Filters(() => this.refresh());
  private readonly table: Table;
  private selected: Uint32Array = new Uint32Array(0);
  private sort = IN_ORDER;

  constructor() {
    const place = byId('table', HTMLElement);
    place.hidden = false;
    this.table = new Table(place, {
      rowAt: (position) => this.store.row(this.selected[position] ?? -1),
      onOpen: (position) => this.open(position),
      onSort: (key) => this.sortBy(key),
    });
    this.refresh();
    document.addEventListener('click', (event) => this.clicked(event));
  }

  /** Reads all rows; the table can be used meanwhile. */
  async load(): Promise<void> {
    let shown = performance.now();
    for await (const block of blocks()) {
      this.store.add(block);
      const first = this.store.size === block.items.length;
      if (!first && performance.now() - shown < 300) continue;
      shown = performance.now();
      this.more();
    }
    this.more();
    this.filters.fill(this.store);
    this.enableExamples();
    document.documentElement.dataset.rows = String(this.store.size);
    performance.mark('rows-ready');
  }

  private more(): void {
    this.select();
    this.table.grow(this.selected.length);
  }

  private refresh(): void {
    this.select();
    this.table.show(this.selected.length, this.sort);
  }

  private select(): void {
    performance.mark('select');
    this.selected = this.store.select(this.filters.filter, this.sort);
    performance.measure('select', 'select');
    const rows = this.selected.length === this.total ? '' : `${count(this.selected.length)} of `;
    const reading = this.store.size < this.total ? ` (reading: ${count(this.store.size)})` : '';
    this.filters.say(`${rows}${count(this.total)} ${this.total === 1 ? 'row' : 'rows'}${reading}`);
  }

  /** Up, then down, then as in the input again. */
  private sortBy(key: SortKey): void {
    const isSame = this.sort.key === key;
    this.sort = isSame && this.sort.descending ? IN_ORDER : { key, descending: isSame };
    this.refresh();
  }

  private open(position: number): void {
    const row = this.store.row(this.selected[position] ?? -1);
    if (row === undefined) return;
    const has = (way: -1 | 1) => position + way >= 0 && position + way < this.selected.length;
    this.detail.show(row, { has, go: (way) => this.open(position + way) }, () => this.table.focus(position));
  }

  /** The links in the failures above the table. */
  private clicked(event: Event): void {
    const link =
      event.target instanceof Element ? event.target.closest<HTMLElement>('button[data-item],button[data-kind]') : null;
    if (link === null) return;
    const { item, kind } = link.dataset;
    if (kind !== undefined) {
      this.filters.chooseKind(kind);
      this.refresh();
      byId('rows', HTMLElement).scrollIntoView();
      this.table.focus(0);
    }
    const row = item === undefined ? undefined : this.store.row(this.store.numberOf(Number(item)) ?? -1);
    if (row !== undefined) this.detail.show(row, { has: () => false, go: () => undefined }, () => link.focus());
  }

  /** Links lead somewhere only when the row is there: a sample may not have it. */
  private enableExamples(): void {
    for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-item]')) {
      button.disabled = this.store.numberOf(Number(button.dataset.item)) === undefined;
    }
    for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-kind]')) button.hidden = false;
  }
}

localizeMoments();
document.addEventListener('DOMContentLoaded', () => {
  // By now the blocks of rows, which come after this script, are in the page.
  new Rows().load().catch((error: unknown) => {
    byId('found', HTMLOutputElement).textContent = `The rows cannot be read by this browser: ${String(error)}`;
  });
});
