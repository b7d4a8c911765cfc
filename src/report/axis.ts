import { type Html, html } from './html.js';

/** A mark of an axis. */
export interface Mark {
  /** From 0, where the axis begins, to 1. */
  readonly place: number;
  readonly label: Html;
}

/** What is this near to an end has its label inside, so that it is not cut off where the page is narrow. */
const NEAR_END = 0.12;

/** The marks under a chart. */
export function axisLabels(marks: readonly Mark[]): Html {
  return html`<ol class="x" aria-hidden="true">${marks.map(
    ({ place, label }) => html`<li class="${side(place)}" style="left:${(100 * place).toFixed(2)}%">${label}</li>`,
  )}</ol>`;
}

function side(place: number): string {
  if (place < NEAR_END) return 'first';
  return place > 1 - NEAR_END ? 'last' : '';
}
