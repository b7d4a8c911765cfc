import { dollarText } from '../../batch/cost.js';
import type { EndpointWait, Progress } from '../../batch/progress.js';
import { endpointLines } from './endpoint-lines.js';
import {
  formatCount,
  formatDuration,
  formatMoment,
  formatRate,
  formatSeconds,
  formatShort,
  percentOf,
} from './format.js';
import { MODEL_STATUS_COLUMNS } from './model-columns.js';
import { tableLines } from './table.js';
import { clean, clip, namedLines } from './text.js';
import { waitTimes } from './wait-view.js';

/** Width that a page is written for. */
const WIDTH = 80;

/** How a run goes, as a page of text without a line end at its end. Within 80 columns, save ids and addresses. */
export function statusView(runId: string, progress: Progress, uiUrl?: string, now = Date.now()): string {
  const { state, reason, waiting, notes = [], models, endpoints = [], lastFailures, startedAt } = progress;
  const lines = [
    `Run       ${clean(runId)}`,
    `State     ${state}${reason === undefined ? '' : `: ${clean(reason)}`}`,
    ...(waiting === undefined ? [] : waitingLines(waiting, now)),
    ...countLines(progress),
    ...notes.flatMap((note) => namedLines('Note      ', note, WIDTH)),
    `Started   ${formatMoment(startedAt)}`,
    ...(uiUrl === undefined ? [] : [`Web UI    ${clean(uiUrl)}`]),
  ];
  if (endpoints.length > 0) lines.push('', ...endpointLines(endpoints));
  if (models.length > 0) lines.push('', ...tableLines(MODEL_STATUS_COLUMNS, models).map((line) => clip(line, WIDTH)));
  if (lastFailures.length > 0) lines.push('', 'Newest failures:', ...lastFailures.map(failureLine));
  return lines.join('\n');
}

function waitingLines(waiting: EndpointWait, now: number): string[] {
  return [...namedLines('Waiting   ', waiting.text, WIDTH), `          ${waitTimes(waiting, now)}`];
}

function countLines(progress: Progress): string[] {
  const { items, ok, failed, skipped, reused = 0, truncated, empty, requests, retries, chunks, permits } = progress;
  const done = ok + failed + skipped;
  const cut = truncated === 0 ? '' : ` (${formatCount(truncated)} cut at the token limit)`;
  const taken = reused === 0 ? '' : ` (${formatCount(reused)} reused)`;
  const left = skipped === 0 ? '' : `, ${formatCount(skipped)} skipped`;
  const nothing = empty === 0 ? '' : `, ${formatCount(empty)} empty`;
  return [
    `Done      ${formatCount(done)} of ${formatCount(items)} items (${percentOf(done, items)}%)`,
    `          ${formatCount(ok)} ok${taken}${cut}, ${formatCount(failed)} failed${left}`,
    ...speedLines(progress),
    // Storage has the answers of a run that nobody works on, but not what they took.
    ...(requests === 0 && permits.total === 0
      ? []
      : [
          `Requests  ${formatCount(requests)}, ${formatCount(retries)} of them retries${nothing}`,
          ...spendingLines(progress),
          `Permits   ${formatCount(permits.used)} of ${formatCount(permits.total)} in use`,
        ]),
    `Chunks    ${formatCount(chunks.done)} of ${formatCount(chunks.total)} done, ${formatCount(chunks.started)} started`,
  ];
}

/** How fast it goes of late, how long it will take, and how long answers take. */
function speedLines({ rates, latency }: Progress): string[] {
  const { requestsPerSecond, tokensPerSecond, etaMs } = rates;
  const facts = [
    ...(requestsPerSecond === undefined ? [] : [`${formatRate(requestsPerSecond)} requests/s`]),
    ...(tokensPerSecond === undefined ? [] : [`${formatShort(Math.round(tokensPerSecond))} tokens/s`]),
    ...(etaMs === undefined ? [] : [`ETA ${formatDuration(etaMs)}`]),
  ];
  return [
    ...(facts.length === 0 ? [] : [`Rate      ${facts.join(', ')}`]),
    ...(latency === undefined
      ? []
      : [`Answers   p50 ${formatSeconds(latency.p50Ms)}, p95 ${formatSeconds(latency.p95Ms)}`]),
  ];
}

function spendingLines({ spending, cachedTokens = 0 }: Progress): string[] {
  const { tokens, maxTotalTokens, credits, maxCredits, costUsd, maxCost } = spending;
  const limit = maxTotalTokens === undefined ? '' : ` of ${formatCount(maxTotalTokens)} at most`;
  const most = maxCredits === undefined ? '' : ` of ${formatCount(maxCredits)} at most`;
  const spent = credits === undefined ? '' : formatCount(Math.round(credits));
  return [
    `Tokens    ${formatShort(tokens)}${limit}${cachedTokens === 0 ? '' : `, ${formatShort(cachedTokens)} from a cache`}`,
    ...(credits === undefined || (credits === 0 && maxCredits === undefined) ? [] : [`Credits   ${spent}${most}`]),
    ...(costUsd === undefined ? [] : [`Cost      ${costText(costUsd, maxCost)}`]),
  ];
}

function costText(costUsd: number, maxCost: number | undefined): string {
  return `${dollarText(costUsd)}${maxCost === undefined ? '' : ` of ${dollarText(maxCost)} at most`}`;
}

/** A failed item in one line of 80 columns at most. Items are numbered from 0. */
export function failureLine({ item, model, error }: Progress['lastFailures'][number]): string {
  const by = model === '' ? '' : ` ${clip(clean(model), 24)}`;
  return clip(`  #${item}${by}  ${clean(error)}`, WIDTH);
}
