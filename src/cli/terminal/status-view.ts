import type { Progress } from '../../batch/progress.js';
import { formatCount, formatMoment, formatShort, percentOf } from './format.js';
import { MODEL_PROGRESS_COLUMNS } from './model-columns.js';
import { tableLines } from './table.js';
import { clean, clip } from './text.js';

/** Width that a page is written for. */
const WIDTH = 80;

/** How a run goes, as a page of text without a line end at its end. Within 80 columns, save ids and addresses. */
export function statusView(runId: string, progress: Progress, uiUrl?: string): string {
  const { state, reason, models, lastFailures, startedAt } = progress;
  const lines = [
    `Run       ${clean(runId)}`,
    `State     ${state}${reason === undefined ? '' : `: ${clean(reason)}`}`,
    ...countLines(progress),
    `Started   ${formatMoment(startedAt)}`,
    ...(uiUrl === undefined ? [] : [`Web UI    ${clean(uiUrl)}`]),
  ];
  if (models.length > 0) lines.push('', ...tableLines(MODEL_PROGRESS_COLUMNS, models).map((line) => clip(line, WIDTH)));
  if (lastFailures.length > 0) lines.push('', 'Newest failures:', ...lastFailures.map(failureLine));
  return lines.join('\n');
}

function countLines({ items, ok, failed, truncated, tokens, requests, chunks, lanes }: Progress): string[] {
  const done = ok + failed;
  const cut = truncated === 0 ? '' : ` (${formatCount(truncated)} cut at the token limit)`;
  return [
    `Done      ${formatCount(done)} of ${formatCount(items)} items (${percentOf(done, items)}%)`,
    `          ${formatCount(ok)} ok${cut}, ${formatCount(failed)} failed`,
    `Requests  ${formatCount(requests)}, ${formatShort(tokens)} tokens`,
    `Lanes     ${formatCount(lanes.used)} of ${formatCount(lanes.total)} in use`,
    `Chunks    ${formatCount(chunks.done)} of ${formatCount(chunks.total)} done, ${formatCount(chunks.started)} started`,
  ];
}

/** A failed item in one line of 80 columns at most. Items are numbered from 0. */
export function failureLine({ item, model, error }: Progress['lastFailures'][number]): string {
  const by = model === '' ? '' : ` ${clip(clean(model), 24)}`;
  return clip(`  #${item}${by}  ${clean(error)}`, WIDTH);
}
