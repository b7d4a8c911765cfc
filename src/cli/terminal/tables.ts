import type { Model } from '../../batch/models.js';
import type { RunState } from '../../batch/progress.js';
import { formatCount, formatDuration, formatMoment } from './format.js';
import { type Column, tableLines } from './table.js';

export { statusView } from './status-view.js';
export { summaryView } from './summary-view.js';

const MODEL_COLUMNS: readonly Column<Model>[] = [
  { title: 'MODEL', align: 'left', value: ({ id }) => id },
  { title: 'MODALITY', align: 'left', value: ({ modality }) => modality },
  { title: 'NODES', align: 'right', value: ({ nodes }) => formatCount(nodes) },
];

/** The models of the network, a line each. */
export function modelsTable(models: readonly Model[]): string {
  return models.length === 0 ? 'No model has nodes now.' : tableLines(MODEL_COLUMNS, models).join('\n');
}

/** A run in a list. Times are epoch ms. */
export interface RunRow {
  readonly id: string;
  readonly state: RunState;
  readonly items: number;
  readonly ok: number;
  readonly failed: number;
  readonly startedAt: number;
  readonly endedAt?: number;
}

/** Ids are not clipped: they are what the next command needs. */
const RUN_COLUMNS: readonly Column<RunRow>[] = [
  { title: 'RUN', align: 'left', value: ({ id }) => id },
  { title: 'STATE', align: 'left', value: ({ state }) => state },
  { title: 'ITEMS', align: 'right', value: ({ items }) => formatCount(items) },
  { title: 'OK', align: 'right', value: ({ ok }) => formatCount(ok) },
  { title: 'FAILED', align: 'right', value: ({ failed }) => formatCount(failed) },
  { title: 'STARTED', align: 'left', value: ({ startedAt }) => formatMoment(startedAt).slice(0, 16) },
  {
    title: 'TOOK',
    align: 'right',
    value: ({ startedAt, endedAt }) => (endedAt === undefined ? '-' : formatDuration(endedAt - startedAt)),
  },
];

/** Runs, a line each, in the order given. */
export function runsTable(rows: readonly RunRow[]): string {
  return rows.length === 0 ? 'No runs.' : tableLines(RUN_COLUMNS, rows).join('\n');
}
