import type { RowFigures } from './figures.js';
import { markdownTable, megabytes } from './markdown-table.js';
import type { RowName } from './options.js';

const TITLES: Readonly<Record<RowName, string>> = {
  ours: 'dria-temporal batch',
  loop: 'undici + p-limit',
  fanout: 'one activity a prompt',
};

const COLUMNS: readonly (readonly [title: string, cell: (row: RowFigures) => string])[] = [
  ['', ({ row }) => TITLES[row]],
  ['wall s', ({ wallSeconds }) => wallSeconds.toFixed(1)],
  ['start s', ({ startSeconds }) => startSeconds.toFixed(2)],
  ['window s', ({ windowSeconds }) => windowSeconds.toFixed(1)],
  ['of ideal', ({ ofIdeal }) => ofIdeal.toFixed(3)],
  ['of loop', ({ ofLoop }) => ofLoop?.toFixed(3) ?? '-'],
  ['req/s', ({ requestsPerSecond }) => requestsPerSecond.toFixed(1)],
  ['CPU-s/1,000', ({ cpuPerThousand }) => cpuPerThousand.toFixed(2)],
  ['tree MB', ({ peakBytes }) => megabytes(peakBytes)],
  ['command MB', ({ rootPeakBytes }) => megabytes(rootPeakBytes)],
  ['activities', ({ activities }) => String(activities)],
  ['events', ({ events }) => String(events)],
  ['largest', ({ largest }) => String(largest)],
  ['max in flight', ({ maxInFlight }) => String(maxInFlight)],
  ['idle start/between/tail %', (row) => [row.idleStart, row.idleBetween, row.idleTail].map(percent).join(' ')],
  ['others cores', ({ othersCores }) => othersCores.toFixed(2)],
];

/** The rows of a comparison as a table. */
export function formatTable(rows: readonly RowFigures[]): string {
  return markdownTable(
    COLUMNS.map(([title]) => title),
    rows.map((row) => COLUMNS.map(([, cell]) => cell(row))),
  );
}

function percent(share: number): string {
  return (share * 100).toFixed(1);
}
