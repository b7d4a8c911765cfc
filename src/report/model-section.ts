import { type Html, html } from './html.js';
import type { ModelRow } from './model-rows.js';
import { type Column, code, type TableLine, table } from './table.js';
import { count, share } from './words.js';

const NODES: Column = { name: 'Of nodes', kind: 'n' };
const COLUMNS: readonly Column[] = [
  { name: 'Model', kind: 'name' },
  { name: 'Share of items', kind: 'picture' },
  { name: 'Of items', kind: 'n' },
];
const COUNTS: readonly Column[] = [
  { name: 'Answered', kind: 'n' },
  { name: 'Failed', kind: 'n' },
  { name: 'Fallbacks', kind: 'n' },
  { name: 'Tokens', kind: 'n' },
  { name: 'Per answer', kind: 'n' },
];

/** What each model did: its share of items beside its share of nodes, failures, fallbacks and tokens. */
export function modelSection(models: readonly ModelRow[]): Html | undefined {
  if (models.length === 0) return undefined;
  const total = totals(models);
  const withNodes = total.nodes > 0;
  const legend = html`The bar is a model’s share of the items, the mark <i class="mark"></i> its share of the nodes. `;
  const columns = [...COLUMNS, ...(withNodes ? [NODES] : []), ...COUNTS];
  return html`<section aria-labelledby="models"><h2 id="models">Models</h2>
<p class="note">${withNodes ? legend : ''}Fallbacks are items that the model gave up with a 503 or a refusal, and another model was asked.</p>
${table(
  'Share, failures, fallbacks and tokens by model',
  columns,
  models.map((model) => modelLine(model, total, withNodes)),
)}</section>
`;
}

interface Totals {
  readonly items: number;
  readonly nodes: number;
  /** The greatest share of any model, of items or nodes: where the bars end. */
  readonly longest: number;
}

function totals(models: readonly ModelRow[]): Totals {
  const items = models.reduce((sum, { ok, failed }) => sum + ok + failed, 0);
  const nodes = models.reduce((sum, model) => sum + (model.nodes ?? 0), 0);
  const shares = models.flatMap((model) => [
    (model.ok + model.failed) / Math.max(1, items),
    (model.nodes ?? 0) / Math.max(1, nodes),
  ]);
  return { items, nodes, longest: Math.max(...shares, Number.EPSILON) };
}

function modelLine(model: ModelRow, total: Totals, withNodes: boolean): TableLine {
  const { id, ok, failed, fallbacks, tokens, nodes = 0 } = model;
  return {
    cells: [
      code(id),
      shareBar(model, total, withNodes),
      share(ok + failed, total.items),
      ...(withNodes ? [share(nodes, total.nodes)] : []),
      count(ok),
      { content: count(failed), className: failed > 0 ? 'bad' : 'none' },
      { content: count(fallbacks), className: fallbacks > 0 ? '' : 'none' },
      count(tokens),
      ok === 0 ? '–' : count(tokens / ok),
    ],
  };
}

function shareBar({ ok, failed, nodes = 0 }: ModelRow, total: Totals, withNodes: boolean): Html {
  const length = (part: number, whole: number) => ((100 * part) / Math.max(1, whole) / total.longest).toFixed(2);
  const mark = withNodes ? html`<i class="mark" style="left:${length(nodes, total.nodes)}%"></i>` : '';
  return html`<div class="track" aria-hidden="true"><i class="fill" style="width:${length(ok + failed, total.items)}%"></i>${mark}</div>`;
}
