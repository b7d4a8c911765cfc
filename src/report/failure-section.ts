import type { FailureExample, FailureKind, Figures } from './figures.js';
import { OTHER_KINDS } from './figures.js';
import { type Html, html } from './html.js';
import { type Column, code, type TableLine, table } from './table.js';
import { count, share } from './words.js';

const COLUMNS: readonly Column[] = [
  { name: 'Error', kind: 'long' },
  { name: 'Items', kind: 'n' },
  { name: 'Last model', kind: 'text' },
  { name: 'Example', kind: 'text' },
];

/** The failed items by kind, with examples. */
export function failureSection({ kinds, ok, errors }: Figures): Html | undefined {
  if (errors === 0) return undefined;
  const sorted = [...kinds].sort(([, a], [, b]) => b.items - a.items);
  return html`<section aria-labelledby="failures"><h2 id="failures">Failures</h2>
<p class="note">${count(errors)} of ${count(ok + errors)} items (${share(errors, ok + errors)}), by what stands before the colon of their error.</p>
${sorted.map(([kind, failures]) => kindBlock(kind, failures, errors))}</section>
`;
}

function kindBlock(kind: string, { items, examples }: FailureKind, errors: number): Html {
  const texts = [...examples.values()].sort((a, b) => b.items - a.items);
  const rest = items - texts.reduce((sum, example) => sum + example.items, 0);
  const show = html`<button type="button" class="link" data-kind="${kind}" hidden>Show in rows</button>`;
  return html`<div class="kind"><h3><span class="code">${kind}</span> <span class="count">${count(items)} ${
    items === 1 ? 'item' : 'items'
  }, ${share(items, errors)} of the failures</span> ${kind === OTHER_KINDS ? '' : show}</h3>
${table(`Examples of ${kind}`, COLUMNS, texts.map(exampleLine))}${
  rest > 0 ? html`<p class="note">${count(rest)} more with other texts.</p>` : ''
}</div>
`;
}

function exampleLine({ error, items, item, id, model }: FailureExample): TableLine {
  const open = html`<button type="button" class="link" data-item="${item}" disabled>${id}</button>`;
  return { cells: [error, count(items), model === null ? '–' : code(model), open] };
}
