import { axisLabels } from './axis.js';
import type { Figures } from './figures.js';
import { type Html, html } from './html.js';
import type { Latencies } from './latency.js';
import type { ModelRow } from './model-rows.js';
import { type Column, code, type TableLine, table } from './table.js';
import { logTicks } from './ticks.js';
import { count, step, time } from './words.js';

/** Steps of a distribution. */
const STEPS = 60;
const MAX_TICKS = 5;

const COLUMNS: readonly Column[] = [
  { name: 'Model', kind: 'name' },
  { name: 'Answers', kind: 'n' },
  { name: 'p50', kind: 'n' },
  { name: 'p95', kind: 'n' },
  { name: 'Max', kind: 'n' },
  { name: 'Distribution', kind: 'picture' },
];

/** The axis that all distributions share: a logarithm between these, ms. */
interface Axis {
  readonly low: number;
  readonly high: number;
}

/** How long the answers took, by model. */
export function latencySection(models: readonly ModelRow[], { latencies }: Figures): Html | undefined {
  const timed = models.filter((model) => model.latencies.count > 0);
  if (timed.length === 0) return undefined;
  const axis = { low: latencies.min / 1.1, high: latencies.max * 1.1 };
  const all = { className: 'all', cells: ['all models', ...cells(latencies, axis)] };
  const lines: TableLine[] = timed.map(({ id, latencies: own }) => ({ cells: [code(id), ...cells(own, axis)] }));
  const foot = html`<tr><td colspan="5"></td><td class="picture">${marks(axis)}</td></tr>`;
  return html`<section aria-labelledby="latency"><h2 id="latency">Latency</h2>
<p class="note">Time of the request of each answer. In a distribution the mark is the median and the light part the slowest 5&nbsp;%; the axis is logarithmic, the figures are within 1&nbsp;%.</p>
${table('Latency by model', COLUMNS, timed.length > 1 ? [...lines, all] : lines, foot)}</section>
`;
}

function cells(latencies: Latencies, axis: Axis): (Html | string)[] {
  const times = [latencies.quantile(0.5), latencies.quantile(0.95), latencies.max];
  return [count(latencies.count), ...times.map(time), distribution(latencies, axis)];
}

function distribution(latencies: Latencies, axis: Axis): Html {
  const shares = latencies.distribution(axis.low, axis.high, STEPS);
  const most = Math.max(...shares);
  const [median, slow] = [0.5, 0.95].map((q) => STEPS * place(latencies.quantile(q), axis)) as [number, number];
  const bars = shares.map((share, at) => {
    if (share === 0) return '';
    // What is there at all is to be seen: a single slow answer among thousands.
    const height = Math.max(0.8, (20 * share) / most);
    return html`<rect class="${at >= slow ? 'tail' : 'bar'}" x="${at}" y="${(20 - height).toFixed(2)}" width="1.02" height="${height.toFixed(2)}"/>`;
  });
  const x = median.toFixed(2);
  return html`<svg class="strip" aria-hidden="true" viewBox="0 0 ${STEPS} 20" preserveAspectRatio="none"><line class="base" x1="0" x2="${STEPS}" y1="20" y2="20"/>${bars}<line class="median" x1="${x}" x2="${x}" y1="0" y2="20"/></svg>`;
}

function marks(axis: Axis): Html {
  const ticks = logTicks(axis.low, axis.high, MAX_TICKS);
  return axisLabels(ticks.map((tick) => ({ place: place(tick, axis), label: html`${step(tick)}` })));
}

/** Where a latency is on the axis, from 0 to 1. */
function place(ms: number, { low, high }: Axis): number {
  return Math.log(ms / low) / Math.log(high / low);
}
