import type { RunSummary } from '../../batch/summary.js';
import { formatCount, formatDuration, formatItems, formatRate, formatShort } from './format.js';
import { MODEL_PROGRESS_COLUMNS } from './model-columns.js';
import { tableLines } from './table.js';
import { clean, clip } from './text.js';

/** Width that a page is written for. */
const WIDTH = 80;

/** What a run came to, as a page of text without a line end at its end; `where` is the place of the results. */
export function summaryView(summary: RunSummary, where?: string): string {
  const { runId, items, ok, failed, models } = summary;
  const asked = models.filter((model) => model.ok + model.failed + model.fallbacks > 0);
  const lines = [
    `Run ${clean(runId)} has ended.`,
    '',
    `  Items     ${formatCount(items)} = ${formatCount(ok)} ok + ${formatCount(failed)} failed`,
    ...failureLines(summary),
    ...factLines(summary),
    ...(where === undefined ? [] : [`  Results   ${clean(where)}`]),
  ];
  if (asked.length === 0) return lines.join('\n');
  return [...lines, '', ...tableLines(MODEL_PROGRESS_COLUMNS, asked).map((line) => clip(`  ${line}`, WIDTH))].join(
    '\n',
  );
}

/** Failed items by kind, most first. */
function failureLines({ failedByKind }: RunSummary): string[] {
  const kinds = Object.entries(failedByKind).filter(([, count]) => count > 0);
  return kinds
    .sort(([a, more], [b, less]) => less - more || a.localeCompare(b))
    .map(([kind, count]) => clip(`            ${formatCount(count)} failed: ${clean(kind)}`, WIDTH));
}

function factLines({ truncated, tokens, requests, fallbacks, startedAt, endedAt }: RunSummary): string[] {
  const ms = Math.max(0, endedAt - startedAt);
  const rate = ms > 0 ? ` (${formatRate((requests * 1000) / ms)}/s)` : '';
  return [
    ...(truncated === 0 ? [] : [`  Cut       ${formatItems(truncated)} at the token limit; they count as ok`]),
    ...(fallbacks === 0 ? [] : [`  Moved     ${formatItems(fallbacks)} to another model`]),
    `  Tokens    ${formatShort(tokens)}`,
    `  Requests  ${formatCount(requests)}${rate}`,
    `  Time      ${formatDuration(ms)}`,
  ];
}
