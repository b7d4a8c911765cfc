import { dollarText } from '../../batch/cost.js';
import type { RunSummary } from '../../batch/summary.js';
import { endpointLines } from './endpoint-lines.js';
import { formatCount, formatDuration, formatItems, formatRate, formatSeconds, formatShort } from './format.js';
import { MODEL_PROGRESS_COLUMNS } from './model-columns.js';
import { tableLines } from './table.js';
import { clean, clip, namedLines } from './text.js';

/** Width that a page is written for. */
const WIDTH = 80;

const ENDED: Readonly<Record<RunSummary['state'], string>> = {
  completed: 'has ended',
  cancelled: 'was cancelled',
  failed: 'has failed',
};

/** What a run came to, as a page of text without a line end at its end; `where` is the place of the results. */
export function summaryView(summary: RunSummary, where?: string): string {
  const { runId, models, endpoints = [], outcome } = summary;
  const asked = models.filter((model) => model.sent + model.ok + model.failed + model.fallbacks > 0);
  const lines = [
    `Run ${clean(runId)} ${ENDED[summary.state]}${outcome === 'none' ? '; no item was answered' : ''}.`,
    '',
    ledgerLine(summary),
    ...reusedLines(summary),
    ...failureLines(summary),
    ...factLines(summary),
    ...(where === undefined ? [] : [`  Results   ${clean(where)}`]),
  ];
  if (asked.length === 0) return lines.join('\n');
  if (endpoints.length > 0) lines.push('', ...endpointLines(endpoints).map((line) => clip(`  ${line}`, WIDTH)));
  return [...lines, '', ...tableLines(MODEL_PROGRESS_COLUMNS, asked).map((line) => clip(`  ${line}`, WIDTH))].join(
    '\n',
  );
}

/** Where every item of the input is. What is none is left out, save the answers and the errors. */
function ledgerLine({ items, ok, failed, skipped, cancelled }: RunSummary): string {
  const terms = [
    `${formatCount(ok)} ok`,
    `${formatCount(failed)} failed`,
    ...(skipped === 0 ? [] : [`${formatCount(skipped)} skipped`]),
    ...(cancelled === 0 ? [] : [`${formatCount(cancelled)} cancelled`]),
  ];
  return `  Items     ${formatCount(items)} = ${terms.join(' + ')}`;
}

/** Items that were not asked, if there are some. */
function reusedLines({ reused = 0, ok }: RunSummary): string[] {
  if (reused === 0) return [];
  return [`            ${formatCount(reused)} of ${formatCount(ok)} ok reused: not asked, and not paid for, again`];
}

/** Failed items by kind, most first. */
function failureLines({ failedByKind }: RunSummary): string[] {
  const kinds = Object.entries(failedByKind).filter(([, count]) => count > 0);
  return kinds
    .sort(([a, more], [b, less]) => less - more || a.localeCompare(b))
    .map(([kind, count]) => clip(`            ${formatCount(count)} failed: ${clean(kind)}`, WIDTH));
}

function factLines(summary: RunSummary): string[] {
  const {
    truncated,
    filtered = 0,
    empty,
    retries,
    requests,
    fallbacks,
    startedAt,
    endedAt,
    latency,
    notes = [],
  } = summary;
  const ms = Math.max(0, endedAt - startedAt);
  const rate = ms > 0 ? ` (${formatRate((requests * 1000) / ms)}/s)` : '';
  const again = retries === 0 ? '' : `, ${formatCount(retries)} of them retries`;
  return [
    ...(truncated === 0 ? [] : [`  Cut       ${formatItems(truncated)} at the token limit; they count as ok`]),
    ...(filtered === 0 ? [] : [`  Filtered  ${formatItems(filtered)} cut by a content filter; they count as ok`]),
    ...(empty === 0 ? [] : [`  Empty     ${formatCount(empty)} answers with nothing in them; asked again or failed`]),
    ...(fallbacks === 0 ? [] : [`  Moved     ${formatItems(fallbacks)} to another model`]),
    ...costLines(summary),
    `  Requests  ${formatCount(requests)}${rate}${again}`,
    ...(latency === undefined
      ? []
      : [`  Answers   ${formatSeconds(latency.p50Ms)} (half of them), ${formatSeconds(latency.p95Ms)} (95%) at most`]),
    `  Time      ${formatDuration(ms)}`,
    ...notes.flatMap((note) => namedLines('  Note      ', note, WIDTH)),
  ];
}

function costLines({ tokens, wastedTokens, cachedTokens = 0, credits, costUsd }: RunSummary): string[] {
  const wasted = wastedTokens === 0 ? '' : `, and ${formatShort(wastedTokens)} for answers of no use`;
  const cached = cachedTokens === 0 ? '' : `, ${formatShort(cachedTokens)} of them from a cache`;
  const spent = `  Tokens    ${formatShort(tokens)}${cached}${wasted}`;
  if (costUsd !== undefined) return [spent, `  Cost      ${dollarText(costUsd)} by the prices of the endpoints`];
  if (credits === undefined || credits.spent === 0) return [spent];
  const lost = credits.wasted === 0 ? '' : `, ${hundredths(credits.wasted)} of them for answers of no use`;
  return [spent, `  Credits   ${hundredths(credits.spent)} by the balance${lost}`];
}

function hundredths(credits: number): string {
  return formatCount(credits) === String(credits) ? String(credits) : credits.toFixed(2);
}
