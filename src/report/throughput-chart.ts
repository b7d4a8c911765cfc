import { axisLabels } from './axis.js';
import type { Figures } from './figures.js';
import { type Html, html } from './html.js';
import { moment } from './moment.js';
import { timeTicks, valueTicks } from './ticks.js';
import type { Binned } from './time-bins.js';
import { count, perSecond, step } from './words.js';

/** Bars of the chart at most. */
const MAX_BARS = 120;
const MAX_TICKS = 6;

/** Answers per second over the time of the run. */
export function throughputSection(figures: Figures): Html {
  const binned = figures.answers.binned(MAX_BARS);
  return html`<section aria-labelledby="throughput"><h2 id="throughput">Throughput</h2>
${binned === undefined ? html`<p class="note">It is not known when the answers of this run came.</p>` : chart(binned, figures)}</section>
`;
}

function chart(binned: Binned, figures: Figures): Html {
  const { width, counts } = binned;
  const seconds = width / 1000;
  const ticks = valueTicks(Math.max(...counts) / seconds);
  const top = ticks.at(-1) ?? 1;
  return html`<p class="note">${caption(binned, figures)}</p>
<div class="chart"><ol class="y" aria-hidden="true">${ticks.map(
    (tick) => html`<li style="bottom:${percent(tick / top)}">${perSecond(tick)}</li>`,
  )}</ol>
<svg role="img" aria-label="Answers per second over time" viewBox="0 0 ${counts.length} 100" preserveAspectRatio="none">${ticks
    .slice(1)
    .map(
      (tick) => html`<line class="grid" x1="0" x2="${counts.length}" y1="${y(tick / top)}" y2="${y(tick / top)}"/>`,
    )}${counts.map((answers, bar) => bin(binned, bar, answers / seconds / top))}</svg>
${xAxis(binned)}</div>
`;
}

function bin({ start, width, counts }: Binned, bar: number, height: number): Html {
  const answers = counts[bar] ?? 0;
  const at = start + bar * width;
  const words = `${count(answers)} answers, ${perSecond((1000 * answers) / width)}/s`;
  return html`<g class="bin"><title data-at="${at}">${new Date(at).toISOString().slice(11, 19)} UTC: ${words}</title><rect class="hit" x="${bar}" y="0" width="1" height="100"/><rect class="bar" x="${bar + 0.06}" y="${y(height)}" width="0.88" height="${(100 * height).toFixed(2)}"/></g>`;
}

function xAxis({ start, width, counts }: Binned): Html {
  const span = counts.length * width;
  const format = span <= 300_000 ? 'second' : span <= 172_800_000 ? 'minute' : 'day';
  const ticks = timeTicks(start, start + span, MAX_TICKS);
  return axisLabels(ticks.map((tick) => ({ place: (tick - start) / span, label: moment(tick, format) })));
}

function caption({ width, counts }: Binned, { ok, errors, timed, firstAt, lastAt }: Figures): string {
  const peak = (1000 * Math.max(...counts)) / width;
  const span = lastAt - firstAt;
  const mean = span < 1000 ? undefined : (1000 * timed) / span;
  const left = [
    ...(errors > 0 ? [`${count(errors)} failed`] : []),
    ...(ok > timed ? [`${count(ok - timed)} of unknown time`] : []),
  ];
  return [
    `Answers per second, in steps of ${step(width)}.`,
    `${mean === undefined ? 'Peak' : `Mean ${perSecond(mean)}/s, peak`} ${perSecond(peak)}/s.`,
    ...(left.length === 0 ? [] : [`Not in it: ${left.join(', ')}.`]),
  ].join(' ');
}

function percent(part: number): string {
  return `${(100 * part).toFixed(2)}%`;
}

function y(height: number): string {
  return (100 - 100 * height).toFixed(2);
}
