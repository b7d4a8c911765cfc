import { COLUMNS, type Column } from './columns.js';
import { make } from './dom.js';
import type { Row, Sort, SortKey } from './row-store.js';

/** Rows drawn above and below what is seen. */
const SPARE = 8;

/** What the table asks of the page. */
export interface TableSource {
  readonly rowAt: (position: number) => Row | undefined;
  readonly onOpen: (position: number) => void;
  readonly onSort: (key: SortKey) => void;
}

/** A table of any number of rows, of which only those in sight are drawn. */
export class Table {
  private readonly scroller = make('div', { className: 'scroller' });
  private readonly table = make('table');
  private readonly headers = new Map<SortKey, HTMLTableCellElement>();
  private readonly above = spacer();
  private readonly below = spacer();
  private readonly drawn: HTMLTableRowElement[] = [];
  private readonly bodyOfRows = make('tbody');
  private count = 0;
  private height = 36;
  /** The position that the keyboard is at. */
  private active = 0;
  private queued = false;

  constructor(
    place: HTMLElement,
    private readonly source: TableSource,
  ) {
    this.table.append(
      this.head(),
      make('tbody', { inside: [this.above] }),
      this.bodyOfRows,
      make('tbody', { inside: [this.below] }),
    );
    this.scroller.append(this.table);
    place.append(this.scroller);
    this.scroller.addEventListener('scroll', () => this.queue(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(this.scroller);
    this.bodyOfRows.addEventListener('click', (event) => this.clicked(event));
    this.bodyOfRows.addEventListener('keydown', (event) => this.key(event));
  }

  /** Shows other rows, from the first one on. */
  show(count: number, sort: Sort): void {
    this.active = 0;
    for (const [key, cell] of this.headers) {
      if (key === sort.key) cell.setAttribute('aria-sort', sort.descending ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    }
    this.scroller.scrollTop = 0;
    this.grow(count);
  }

  /** More rows have come at the end; what is seen stays where it is. */
  grow(count: number): void {
    this.count = count;
    this.table.setAttribute('aria-rowcount', String(count + 1));
    this.draw();
  }

  /** Brings a row into sight and gives its button the focus. */
  focus(position: number): void {
    this.active = Math.min(Math.max(0, position), this.count - 1);
    const top = this.active * this.height;
    const headHeight = this.table.tHead?.offsetHeight ?? 0;
    const seen = this.scroller.clientHeight - headHeight;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + this.height > this.scroller.scrollTop + seen) this.scroller.scrollTop = top + this.height - seen;
    this.draw();
    this.bodyOfRows
      .querySelector<HTMLElement>(`tr[data-position="${this.active}"] button`)
      ?.focus({ preventScroll: true });
  }

  private head(): HTMLElement {
    const cells = COLUMNS.map(({ name, key, sort }) => {
      const cell = make('th', { className: key });
      cell.scope = 'col';
      if (sort === undefined) {
        cell.textContent = name;
        return cell;
      }
      const button = make('button', { text: name, className: 'sorter' });
      button.type = 'button';
      button.addEventListener('click', () => this.source.onSort(sort));
      cell.append(button);
      this.headers.set(sort, cell);
      return cell;
    });
    const row = make('tr', { inside: cells });
    row.setAttribute('aria-rowindex', '1');
    return make('thead', { inside: [row] });
  }

  private queue(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
    });
  }

  /** The height of a row changes with the size of the letters. */
  private measure(): void {
    const height = this.drawn[0]?.getBoundingClientRect().height ?? 0;
    if (height > 0) this.height = height;
    this.draw();
  }

  private draw(): void {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / this.height) - SPARE);
    const room = Math.ceil(this.scroller.clientHeight / this.height) + 2 * SPARE;
    const rows = Math.max(0, Math.min(room, this.count - first));
    while (this.drawn.length < rows) this.drawn.push(this.bodyOfRows.appendChild(emptyRow()));
    for (const row of this.drawn.splice(rows)) row.remove();
    this.drawn.forEach((row, offset) => void this.fill(row, first + offset));
    this.above.style.height = `${first * this.height}px`;
    this.below.style.height = `${Math.max(0, this.count - first - rows) * this.height}px`;
  }

  private fill(element: HTMLTableRowElement, position: number): void {
    const row = this.source.rowAt(position);
    if (row === undefined) return;
    element.dataset.position = String(position);
    element.setAttribute('aria-rowindex', String(position + 2));
    element.className = row.kind === undefined ? '' : 'failed';
    COLUMNS.forEach((column, at) => {
      const cell = element.cells[at];
      if (cell !== undefined) fillCell(cell, column, row);
    });
    const button = element.querySelector('button');
    if (button !== null) button.tabIndex = position === this.active ? 0 : -1;
  }

  private clicked(event: Event): void {
    const position = positionOf(event);
    if (position === undefined || window.getSelection()?.type === 'Range') return;
    this.active = position;
    this.source.onOpen(position);
  }

  private key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.height) - 2);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.count,
      End: this.count,
    };
    const step = steps[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.focus(this.active + step);
  }
}

function positionOf(event: Event): number | undefined {
  const row = event.target instanceof Element ? event.target.closest('tr') : null;
  return row === null ? undefined : Number(row.dataset.position);
}

function fillCell(cell: HTMLTableCellElement, column: Column, row: Row): void {
  const text = column.text(row);
  const target = column.key === 'id' ? cell.querySelector('button') : cell;
  if (target !== null && target.textContent !== text) target.textContent = text;
}

function emptyRow(): HTMLTableRowElement {
  const cells = COLUMNS.map(({ key }) => {
    if (key !== 'id') return make('td', { className: key });
    const button = make('button', { className: 'link' });
    button.type = 'button';
    const cell = make('th', { className: key, inside: [button] });
    cell.scope = 'row';
    return cell;
  });
  return make('tr', { inside: cells });
}

function spacer(): HTMLTableRowElement {
  const row = make('tr');
  row.className = 'spacer';
  row.setAttribute('aria-hidden', 'true');
  return row;
}
