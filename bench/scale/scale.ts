import { markdownTable, megabytes } from '../markdown-table.js';
import { machine, progress } from '../say.js';
import { measureSize, type SizeFigures } from './measure-size.js';
import { parseScaleOptions } from './options.js';

const COLUMNS: readonly (readonly [title: string, cell: (size: SizeFigures) => string])[] = [
  ['items', ({ items }) => items.toLocaleString('en')],
  ['wall s', ({ wallSeconds }) => wallSeconds.toFixed(1)],
  ['start s', ({ startSeconds }) => startSeconds.toFixed(2)],
  ['window s', ({ windowSeconds }) => windowSeconds.toFixed(1)],
  ['items/s', ({ items, windowSeconds }) => (items / windowSeconds).toFixed(0)],
  ['CPU-s/1,000', ({ items, cpuSeconds }) => perThousand(cpuSeconds, items)],
  ['network CPU-s/1,000', ({ items, networkCpuSeconds }) => perThousand(networkCpuSeconds, items)],
  ['command MB', ({ rootPeakBytes }) => megabytes(rootPeakBytes)],
  ['server MB', ({ otherPeakBytes }) => megabytes(otherPeakBytes)],
  ['database MB', ({ databaseBytes }) => megabytes(databaseBytes)],
  ['run MB', ({ runBytes }) => megabytes(runBytes)],
  ['activities/1,000', ({ items, activities }) => ((activities / items) * 1000).toFixed(1)],
  ['largest history', ({ largest }) => String(largest)],
  ['its kB', ({ largestBytes }) => (largestBytes / 1024).toFixed(0)],
  ['max in flight', ({ maxInFlight }) => String(maxInFlight)],
];

/** Runs batches of growing size against a network that answers fast, and prints what each cost. */
export async function measureScale(args: readonly string[]): Promise<void> {
  const options = parseScaleOptions(args);
  const { lanes, latency, sizes } = options;
  const figures: SizeFigures[] = [];
  for (const items of sizes) {
    progress(`${items} items, ${lanes} lanes …`);
    const size = await measureSize(items, options);
    progress(`  ${size.wallSeconds.toFixed(1)} s`);
    figures.push(size);
  }
  if (options.json) return console.log(JSON.stringify({ machine: machine(), options, figures }, undefined, 2));
  const rows = figures.map((size) => COLUMNS.map(([, cell]) => cell(size)));
  const titles = COLUMNS.map(([title]) => title);
  console.log(`\n${lanes} lanes, answers in ${latency.minMs}–${latency.maxMs} ms\n\n${markdownTable(titles, rows)}`);
  console.log(`\n${machine()}`);
}

function perThousand(seconds: number, items: number): string {
  return ((seconds / items) * 1000).toFixed(2);
}
