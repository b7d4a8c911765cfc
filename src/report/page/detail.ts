import { count, time } from '../words.js';
import { byId, make } from './dom.js';
import { localMoment } from './moments.js';
import type { Row } from './row-store.js';

/** The way from one row to the next, as the table has them sorted. */
export interface Neighbours {
  /** Opens the row before (-1) or after (1); false when there is none. */
  readonly go: (way: -1 | 1) => void;
  readonly has: (way: -1 | 1) => boolean;
}

/** Shows a row whole. */
export class Detail {
  private readonly dialog = byId('detail', HTMLDialogElement);
  private neighbours: Neighbours | undefined;

  constructor() {
    this.dialog.addEventListener('keydown', (event) => {
      // Where text is selected or a button has the focus, arrows mean the same: nothing here is typed into.
      const way = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : undefined;
      if (way === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (this.neighbours?.has(way)) this.neighbours.go(way);
    });
    this.dialog.addEventListener('click', (event) => {
      // A click beside the box is one on the dialog itself.
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  /** Opens a row, or changes to it. `onClosed` is called when the dialog is left. */
  show(row: Row, neighbours: Neighbours, onClosed: () => void): void {
    this.neighbours = neighbours;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.way : undefined;
    this.dialog.replaceChildren(make('div', { className: 'box', inside: [this.head(row), ...body(row)] }));
    this.dialog.scrollTop = 0;
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.onclose = onClosed;
    const button = focused === undefined ? null : this.dialog.querySelector<HTMLElement>(`[data-way="${focused}"]`);
    (button ?? this.dialog.querySelector<HTMLElement>('[data-way="close"]'))?.focus();
  }

  private head(row: Row): HTMLElement {
    const title = make('h2', { text: String(row.id) });
    title.id = 'detail-title';
    const buttons = make('div', {
      className: 'buttons',
      inside: [
        this.button('‹', 'Row before (←)', '-1', () => this.neighbours?.go(-1), this.neighbours?.has(-1)),
        this.button('›', 'Row after (→)', '1', () => this.neighbours?.go(1), this.neighbours?.has(1)),
        this.button('Close', 'Close (Esc)', 'close', () => this.dialog.close(), true),
      ],
    });
    return make('div', { className: 'head', inside: [title, buttons] });
  }

  private button(text: string, title: string, way: string, act: () => void, enabled = false): HTMLElement {
    const button = make('button', { text });
    button.type = 'button';
    button.title = title;
    button.setAttribute('aria-label', title);
    button.dataset.way = way;
    button.disabled = !enabled;
    button.addEventListener('click', act);
    return button;
  }
}

function body(row: Row): HTMLElement[] {
  const { kind, prompt, text, attachment } = row;
  return [
    make('dl', { className: 'facts', inside: facts(row).map(fact) }),
    ...(prompt === undefined ? [] : textBlock('Prompt', prompt)),
    ...(attachment === undefined ? [] : textBlock('Attachment', attachment)),
    ...textBlock(kind === undefined ? 'Answer' : 'Error', text),
  ];
}

function textBlock(title: string, text: string): HTMLElement[] {
  return [make('h3', { text: title }), make('pre', { text })];
}

function fact([name, value]: readonly [string, string]): HTMLElement {
  return make('div', { inside: [make('dt', { text: name }), make('dd', { text: value })] });
}

function facts({ item, kind, truncated, model, tokens, ms, at, attempts, tried }: Row): [string, string][] {
  return [
    ['Item', `${count(item + 1)}`],
    ['Status', kind === undefined ? `answered${truncated ? ', cut at the token limit' : ''}` : `failed: ${kind}`],
    ...known('Model', model),
    ...known('Tokens', tokens > 0 ? count(tokens) : undefined),
    ...known('Time of the request', ms === undefined ? undefined : time(ms)),
    ...known('Answered', at === undefined ? undefined : localMoment(at, 'full')),
    ...known('Attempts', attempts === undefined ? undefined : count(attempts)),
    ...known('Models asked', tried.length > 1 ? tried.join(', ') : undefined),
  ];
}

function known(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}
