import { markdownTable } from '../markdown-table.js';
import { machine, progress } from '../say.js';
import { measureWorkers, type WorkersFigures } from './measure-workers.js';
import { parseWorkersOptions } from './options.js';

/** Runs the same batch on more and more workers, each with as many requests in flight, and prints what it took. */
export async function measureMoreWorkers(args: readonly string[]): Promise<void> {
  const options = parseWorkersOptions(args);
  const { items, requests, latency } = options;
  const figures: WorkersFigures[] = [];
  for (const workers of options.workers) {
    progress(`${workers} workers …`);
    const measured = await measureWorkers(workers, options);
    progress(`  ${measured.windowSeconds.toFixed(1)} s`);
    figures.push(measured);
  }
  if (options.json) return console.log(JSON.stringify({ machine: machine(), options, figures }, undefined, 2));
  const [first] = figures;
  const rows = figures.map((row) => [
    String(row.workers),
    String(row.workers * requests),
    row.wallSeconds.toFixed(1),
    row.windowSeconds.toFixed(1),
    row.itemsPerSecond.toFixed(1),
    first === undefined ? '-' : `${(row.itemsPerSecond / first.itemsPerSecond).toFixed(2)} ×`,
    ((row.workersCpuSeconds / items) * 1000).toFixed(2),
    String(row.maxInFlight),
  ]);
  const titles = ['workers', 'lanes', 'wall s', 'window s', 'items/s', 'rate', "workers' CPU-s/1,000", 'max in flight'];
  const times = `answers in ${latency.minMs}–${latency.maxMs} ms, ${requests} requests in flight on a worker`;
  console.log(`\n${items} prompts, ${times}\n\n${markdownTable(titles, rows)}\n\n${machine()}`);
}
