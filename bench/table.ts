import type { RowFigures } from './figures.js';
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

/** The table as Markdown, aligned so that a terminal shows it as well. */
export function formatTable(rows: readonly RowFigures[]): string {
  const cells = [COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]): string => {
    const padded = line.map((cell, column) =>
      column === 0 ? cell.padEnd(width(column)) : cell.padStart(width(column)),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const width = (column: number): number => widths[column] ?? 0;
  const dashes = widths.map((length, column) => (column === 0 ? '-'.repeat(length) : `${'-'.repeat(length - 1)}:`));
  const [head = [], ...body] = cells;
  return [format(head), format(dashes), ...body.map(format)].join('\n');
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}

function percent(share: number): string {
  return (share * 100).toFixed(1);
}
