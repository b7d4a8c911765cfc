import { mkdirSync } from 'node:fs';
import { measureActions } from './actions/actions.js';
import { measureAgain } from './again/again.js';
import { type RowFigures, rowFigures } from './figures.js';
import { measureFormats } from './formats/formats.js';
import { answerTimes, idealMs } from './ideal.js';
import { type Measurement, measureRow } from './measure.js';
import { type BenchOptions, parseBenchOptions } from './options.js';
import { measurePrefix } from './prefix/prefix.js';
import { benchPrompts } from './prompts.js';
import { measureRead } from './read/read.js';
import { measureRepair } from './repair/repair.js';
import { bundleFanOut } from './rows/commands.js';
import { machine, progress } from './say.js';
import { measureScale } from './scale/scale.js';
import { formatTable } from './table.js';
import { measureMoreWorkers } from './workers/workers.js';

/** One table: the rows at one number of lanes. */
interface Setting {
  readonly lanes: number;
  readonly items: number;
  readonly idealSeconds: number;
  readonly rows: readonly RowFigures[];
  readonly runs: readonly (readonly Measurement[])[];
}

async function measureSetting(lanes: number, options: BenchOptions): Promise<Setting> {
  const runs: Measurement[][] = [];
  for (let run = 0; run < options.runs; run++) {
    const measured: Measurement[] = [];
    // Forwards and backwards in turn, so that what changes on the machine meanwhile favours no row.
    for (const row of run % 2 === 0 ? options.rows : options.rows.toReversed()) {
      progress(`${lanes} lanes, run ${run + 1} of ${options.runs}: ${row} …`);
      const measurement = await measureRow(row, lanes, options);
      progress(`  ${measurement.windowSeconds.toFixed(1)} s`);
      measured.push(measurement);
    }
    runs.push(measured);
  }
  const { items } = options;
  const idealSeconds = idealMs(answerTimes(benchPrompts(items), options), lanes) / 1000;
  const rows = options.rows.map((row) => rowFigures(row, runs, { items, idealSeconds }));
  return { lanes, items, idealSeconds, rows, runs };
}

function describe({ lanes, items, idealSeconds, rows }: Setting, { latency, slow, runs }: BenchOptions): string {
  const seldom = slow === undefined ? '' : `, one in ${slow.every} in ${slow.ms} ms`;
  const times = `answers in ${latency.minMs}–${latency.maxMs} ms${seldom}`;
  const often = runs === 1 ? 'one run' : `median of ${runs} runs`;
  return `\n${items} prompts, ${lanes} lanes, ${times}; ideal ${idealSeconds.toFixed(1)} s; ${often}\n\n${formatTable(rows)}`;
}

async function main(): Promise<void> {
  if (process.argv[2] === 'scale') return await measureScale(process.argv.slice(3));
  if (process.argv[2] === 'actions') return await measureActions(process.argv.slice(3));
  if (process.argv[2] === 'prefix') return await measurePrefix(process.argv.slice(3));
  if (process.argv[2] === 'repair') return await measureRepair(process.argv.slice(3));
  if (process.argv[2] === 'formats') return await measureFormats(process.argv.slice(3));
  if (process.argv[2] === 'again') return await measureAgain(process.argv.slice(3));
  if (process.argv[2] === 'read') return await measureRead(process.argv.slice(3));
  if (process.argv[2] === 'workers') return await measureMoreWorkers(process.argv.slice(3));
  const options = parseBenchOptions(process.argv.slice(2));
  if (options.trace !== undefined) mkdirSync(options.trace, { recursive: true });
  if (options.rows.includes('fanout')) await bundleFanOut();
  const settings: Setting[] = [];
  for (const lanes of options.lanes) {
    const setting = await measureSetting(lanes, options);
    settings.push(setting);
    if (!options.json) console.log(describe(setting, options));
  }
  if (options.json) console.log(JSON.stringify({ machine: machine(), options, settings }, undefined, 2));
  else console.log(`\n${machine()}`);
  const over = settings.flatMap(({ lanes, rows }) => rows.filter(({ maxInFlight }) => maxInFlight > lanes));
  for (const { row, maxInFlight } of over)
    progress(`${row} had ${maxInFlight} requests in flight: more than its lanes`);
  if (over.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
