import type { Model } from '../../batch/models.js';
import type { Progress } from '../../batch/progress.js';
import type { ListedState } from '../run-filter.js';
import { formatCount, formatDuration, formatMoment } from './format.js';
import { type Column, tableLines } from './table.js';

export { statusView } from './status-view.js';
export { summaryView } from './summary-view.js';

const MODEL_COLUMNS: readonly Column<Model>[] = [
  { title: 'MODEL', align: 'left', value: ({ id }) => id, most: 80 },
  { title: 'MODALITY', align: 'left', value: ({ modality }) => modality },
  { title: 'NODES', align: 'right', value: ({ nodes }) => formatCount(nodes) },
];

/** The models of the network, a line each. */
export function modelsTable(models: readonly Model[]): string {
  return models.length === 0 ? 'No model has nodes now.' : tableLines(MODEL_COLUMNS, models).join('\n');
}

/** A run in a list. Times are epoch ms; what nobody knows is undefined. */
export interface RunRow {
  readonly id: string;
  readonly state: ListedState;
  /** Who or what paused it. */
  readonly pausedBy?: Progress['pausedBy'];
  /** What it waits for. */
  readonly waiting?: Progress['waiting'];
  readonly items?: number | undefined;
  readonly ok?: number | undefined;
  readonly failed?: number | undefined;
  /** Invalid input lines. */
  readonly skipped?: number | undefined;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  /** Name of the input. */
  readonly input?: string | undefined;
}

/** Shown only where some run has any: few inputs are run with invalid lines. */
const SKIPPED: Column<RunRow> = {
  title: 'SKIPPED',
  align: 'right',
  value: ({ skipped }) => countOrDash(skipped),
};

/** Ids are not clipped: they are what the next command needs. */
const RUN_COLUMNS: readonly Column<RunRow>[] = [
  { title: 'RUN', align: 'left', value: ({ id }) => id },
  { title: 'STATE', align: 'left', value: stateText },
  { title: 'ITEMS', align: 'right', value: ({ items }) => countOrDash(items) },
  { title: 'OK', align: 'right', value: ({ ok }) => countOrDash(ok) },
  { title: 'FAILED', align: 'right', value: ({ failed }) => countOrDash(failed) },
  SKIPPED,
  // Without the year, so that a line with an id of usual length fits 80 columns.
  { title: 'STARTED', align: 'left', value: ({ startedAt }) => formatMoment(startedAt).slice(5, 16) },
  {
    title: 'TOOK',
    align: 'right',
    value: ({ startedAt, endedAt }) => (endedAt === undefined ? '-' : formatDuration(endedAt - startedAt)),
  },
];

function stateText({ state, pausedBy, waiting }: RunRow): string {
  if (state === 'paused' && pausedBy !== undefined) return `paused: ${pausedBy}`;
  if (waiting !== undefined) return `waiting ${formatDuration(Date.now() - waiting.since)}`;
  return state.replace('-', ' ');
}

function countOrDash(count: number | undefined): string {
  return count === undefined ? '-' : formatCount(count);
}

/** Runs, a line each, in the order given. */
export function runsTable(rows: readonly RunRow[]): string {
  if (rows.length === 0) return 'No runs.';
  const anySkipped = rows.some(({ skipped = 0 }) => skipped > 0);
  const columns = RUN_COLUMNS.filter((column) => column !== SKIPPED || anySkipped);
  return tableLines(columns, rows).join('\n');
}
