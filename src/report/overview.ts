import type { RunAbout } from './about.js';
import type { Figures } from './figures.js';
import { type Html, html } from './html.js';
import { moment } from './moment.js';
import { count, perSecond, share, size, time } from './words.js';

/** The head of the page: what run it is, how it stands, and its count. */
export function overview(about: RunAbout, figures: Figures): Html {
  return html`<header>
<p class="eyebrow">Batch report</p>
<h1>${about.runId}</h1>
<p class="when">${when(about)}</p>
${partialNotice(about, figures)}${mismatchNotice(about, figures)}
<dl class="figures">${entries(about, figures).map(
    ({ name, value, more }) =>
      html`<div><dt>${name}</dt><dd>${value}${more === undefined ? '' : html` <small>${more}</small>`}</dd></div>`,
  )}</dl>
<p class="note">${ledger(about, figures)} ${inputWords(about)}</p>
</header>
`;
}

function when({ ended, writtenAt }: RunAbout): Html {
  if (ended === undefined) return html`<strong class="state open">Not ended</strong> as of ${moment(writtenAt)}`;
  return html`<strong class="state">Completed</strong> ${moment(ended.endedAt)}, started ${moment(ended.startedAt)}`;
}

function partialNotice({ ended, items }: RunAbout, { ok, failed }: Figures): Html | undefined {
  if (ended !== undefined) return undefined;
  return html`<p class="notice" role="note"><strong>This report is partial.</strong> The run has not ended, or not well: ${count(ok + failed)} of ${count(items)} items are in it. Errors, fallbacks and requests of chunks under way become known when the chunk ends.</p>`;
}

/** The run's own count and that of its rows are made apart; a page that hid a difference would not be one to trust. */
function mismatchNotice({ ended }: RunAbout, { ok, failed }: Figures): Html | undefined {
  if (ended === undefined || (ended.ok === ok && ended.failed === failed)) return undefined;
  return html`<p class="notice" role="note"><strong>The counts differ.</strong> The run counted ${count(ended.ok)} answers and ${count(ended.failed)} failures; its rows are ${count(ok)} and ${count(failed)}.</p>`;
}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly more?: string;
}

function entries(about: RunAbout, figures: Figures): Entry[] {
  const { items, ended, requests } = about;
  const { ok, failed, tokens, truncated } = figures;
  const fallbacks = about.models.reduce((sum, model) => sum + model.fallbacks, 0);
  const span = ended === undefined ? figures.lastAt - figures.firstAt : ended.endedAt - ended.startedAt;
  return [
    { name: 'Items', value: count(items) },
    { name: 'Answered', value: count(ok), more: share(ok, items) },
    { name: 'Failed', value: count(failed), more: share(failed, items) },
    { name: 'Tokens', value: count(tokens), ...(ok === 0 ? {} : { more: `${count(tokens / ok)} per answer` }) },
    ...(Number.isFinite(span) && span >= 0 ? [timeEntry(span, ok, ended === undefined)] : []),
    // Those of chunks under way are not known: half of the truth would be taken for the whole.
    ...(ended === undefined
      ? []
      : [
          { name: 'Requests', value: count(requests) },
          { name: 'Fallbacks', value: count(fallbacks) },
        ]),
    { name: 'Cut at the limit', value: count(truncated) },
  ];
}

function timeEntry(span: number, ok: number, isOpen: boolean): Entry {
  const rate = span < 1000 ? {} : { more: `${perSecond((1000 * ok) / span)} answers/s` };
  return { name: isOpen ? 'First to last answer' : 'Time', value: time(span), ...rate };
}

function ledger({ items }: RunAbout, { ok, failed }: Figures): string {
  const left = items - ok - failed;
  const rest = left > 0 ? ` + ${count(left)} not finished` : '';
  return `${count(items)} items = ${count(ok)} answered + ${count(failed)} failed${rest}.`;
}

function inputWords({ modalities, bytes, sha256, invalid }: RunAbout): string {
  const kinds = Object.entries(modalities).flatMap(([modality, items]) =>
    items > 0 ? [`${count(items)} ${modality}`] : [],
  );
  const lines = [...kinds, ...(invalid > 0 ? [`${count(invalid)} invalid`] : [])].join(', ');
  return `Input: ${lines === '' ? 'no items' : lines}; ${size(bytes)}, SHA-256 ${sha256.slice(0, 12)}…`;
}
