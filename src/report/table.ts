import { Html, type HtmlPart, html } from './html.js';

/** A column of a table of figures. */
export interface Column {
  readonly name: string;
  /**
   * The row's name, figures, a picture, or a long text. Where the page is narrow, names, pictures and long texts take the
   * whole width, and figures have their column's name beside them.
   */
  readonly kind: 'name' | 'n' | 'picture' | 'long' | 'text';
}

/** What stands in a cell, with a class for it. */
export interface Cell {
  readonly content: HtmlPart;
  readonly className: string;
}

/** A row, with a class for it. */
export interface TableLine {
  readonly className?: string;
  /** One for each column. */
  readonly cells: readonly (Html | string | Cell)[];
}

/** A table that scrolls sideways where it must. `label` names it for those who do not see it. */
export function table(label: string, columns: readonly Column[], lines: readonly TableLine[], foot?: Html): Html {
  return html`<div class="wide" tabindex="0" role="region" aria-label="${label}"><table class="stack">
<thead><tr>${columns.map(({ name, kind }) => html`<th scope="col" class="${kind}">${name}</th>`)}</tr></thead>
<tbody>${lines.map((line) => tableLine(columns, line))}</tbody>
${foot === undefined ? '' : html`<tfoot aria-hidden="true">${foot}</tfoot>`}</table></div>
`;
}

function tableLine(columns: readonly Column[], { cells, className = '' }: TableLine): Html {
  return html`<tr class="${className}">${cells.map((cell, at) => tableCell(columns[at], cell))}</tr>
`;
}

function tableCell({ name, kind }: Column = { name: '', kind: 'text' }, cell: Html | string | Cell): Html {
  const { content, className } =
    typeof cell === 'string' || cell instanceof Html ? { content: cell, className: '' } : cell;
  const classes = `${kind} ${className}`.trim();
  if (kind === 'name') return html`<th scope="row" class="${classes}">${content}</th>`;
  if (kind === 'picture' || kind === 'long') return html`<td class="${classes}">${content}</td>`;
  return html`<td class="${classes}" data-label="${name}">${content}</td>`;
}

/** A model's name or another word of a machine. */
export function code(text: string): Cell {
  return { content: text, className: 'code' };
}
