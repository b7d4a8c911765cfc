import { countOf, MODALITIES } from '../batch/modality.js';
import type { ModelAbout, RunAbout, RunEnd } from './about.js';
import type { Figures } from './figures.js';
import { type Html, html } from './html.js';
import { moment } from './moment.js';
import { count, decimals, perSecond, share, size, time } from './words.js';

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

const STATES: Readonly<Record<RunEnd['state'], string>> = {
  completed: 'Completed',
  cancelled: 'Cancelled',
  failed: 'Failed',
};

function when({ end, writtenAt }: RunAbout): Html {
  if (end === undefined) return html`<strong class="state">Not ended</strong> as of ${moment(writtenAt)}`;
  return html`<strong class="state">${STATES[end.state]}</strong> ${moment(end.endedAt)}, started ${moment(end.startedAt)}`;
}

function partialNotice({ end, items }: RunAbout, { ok, errors }: Figures): Html | undefined {
  if (end?.state === 'completed') return undefined;
  const more = 'Errors, fallbacks and requests of chunks under way become known when the chunk ends.';
  return html`<p class="notice" role="note"><strong>This report is partial.</strong> The run ${endWords(end)}: ${count(ok + errors)} of ${count(items)} items are in it. ${end === undefined ? more : ''}</p>`;
}

/** Why a report is partial, in words. */
export function endWords(end: RunEnd | undefined): string {
  if (end === undefined) return 'has not ended, or not well';
  return end.state === 'failed' ? 'was ended by an error' : `was ${end.state}`;
}

/** The run's own count and that of its rows are made apart; a page that hid a difference would not be one to trust. */
function mismatchNotice({ end }: RunAbout, { ok, failed, skipped }: Figures): Html | undefined {
  if (end === undefined || end.state !== 'completed') return undefined;
  if (end.ok === ok && end.failed === failed && end.skipped === skipped) return undefined;
  return html`<p class="notice" role="note"><strong>The counts differ.</strong> The run counted ${count(end.ok)} answered, ${count(end.failed)} failed and ${count(end.skipped)} skipped items; its rows are ${count(ok)}, ${count(failed)} and ${count(skipped)}.</p>`;
}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly more?: string;
}

function entries({ items, end, requests, models }: RunAbout, figures: Figures): Entry[] {
  const { ok, failed, skipped, reused, tokens, truncated } = figures;
  const asked = ok - reused;
  const span = end === undefined ? figures.lastAt - figures.firstAt : end.endedAt - end.startedAt;
  return [
    { name: 'Items', value: count(items) },
    { name: 'Answered', value: count(ok), more: share(ok, items) },
    { name: 'Failed', value: count(failed), more: share(failed, items) },
    ...(reused > 0 ? [{ name: 'Reused', value: count(reused), more: 'answers that were not asked for again' }] : []),
    ...(skipped > 0 ? [{ name: 'Skipped', value: count(skipped), more: share(skipped, items) }] : []),
    { name: 'Tokens', value: count(tokens), ...(asked === 0 ? {} : { more: `${count(tokens / asked)} per answer` }) },
    ...(Number.isFinite(span) && span >= 0 ? [timeEntry(span, asked, end === undefined)] : []),
    // Those of chunks under way are not known: half of the truth would be taken for the whole.
    ...(end === undefined ? [] : requestEntries(end, requests, models)),
    ...(truncated > 0 ? [{ name: 'Cut at the limit', value: count(truncated) }] : []),
  ];
}

function requestEntries(
  { retries, cachedTokens = 0, credits }: RunEnd,
  requests: number,
  models: readonly ModelAbout[],
): Entry[] {
  const wasted = credits !== undefined && credits.wasted > 0 ? { more: `${decimals(credits.wasted)} on failures` } : {};
  return [
    { name: 'Requests', value: count(requests), ...(retries > 0 ? { more: `${count(retries)} retries` } : {}) },
    ...(cachedTokens === 0 ? [] : [{ name: 'Tokens from a cache', value: count(cachedTokens) }]),
    { name: 'Fallbacks', value: count(models.reduce((sum, { fallbacks }) => sum + fallbacks, 0)) },
    ...(credits === undefined || credits.spent === 0
      ? []
      : [{ name: 'Credits', value: decimals(credits.spent), ...wasted }]),
  ];
}

function timeEntry(span: number, ok: number, isOpen: boolean): Entry {
  const rate = span < 1000 ? {} : { more: `${perSecond((1000 * ok) / span)} answers/s` };
  return { name: isOpen ? 'First to last answer' : 'Time', value: time(span), ...rate };
}

function ledger({ items, end }: RunAbout, { ok, failed, skipped }: Figures): string {
  const left = items - ok - failed - skipped;
  const rest = [
    ...(skipped > 0 ? [` + ${count(skipped)} skipped`] : []),
    ...(left > 0 ? [` + ${count(left)} ${end?.state === 'cancelled' ? 'cancelled' : 'not finished'}`] : []),
  ];
  return `${count(items)} items = ${count(ok)} answered + ${count(failed)} failed${rest.join('')}.`;
}

function inputWords({ modalities, bytes, sha256, invalid }: RunAbout): string {
  const kinds = MODALITIES.flatMap((modality) =>
    countOf(modalities, modality) > 0 ? [`${count(countOf(modalities, modality))} ${modality}`] : [],
  );
  const lines = [...kinds, ...(invalid > 0 ? [`${count(invalid)} invalid`] : [])].join(', ');
  return `Input: ${lines === '' ? 'no items' : lines}; ${size(bytes)}, SHA-256 ${sha256.slice(0, 12)}…`;
}
