import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkResults } from '../check-results.js';
import { markdownTable, megabytes } from '../markdown-table.js';
import { MODEL } from '../options.js';
import { measureTree, type TreeUsage } from '../process-tree.js';
import { promptOf, writeManyPrompts } from '../prompts.js';
import { startRow } from '../rows/commands.js';
import { machine, progress } from '../say.js';
import { type SimulatorProcess, startSimulatorProcess } from '../simulator.js';
import { type AgainOptions, parseAgainOptions } from './options.js';

/** One item in so many has another prompt in the second run. */
const CHANGED = 100;

/** Of each five items two are the same as others. */
const GROUP = 5;
const SAME = 2;

/** What a run cost. */
interface RunFigures extends TreeUsage {
  readonly row: string;
  readonly items: number;
  readonly requests: number;
  /** From the start of the command to the first request, s. */
  readonly startSeconds: number;
  /** From the first request to the last answer, s. */
  readonly windowSeconds: number;
}

const COLUMNS: readonly (readonly [title: string, cell: (run: RunFigures) => string])[] = [
  ['run', ({ row }) => row],
  ['items', ({ items }) => items.toLocaleString('en')],
  ['requests', ({ requests }) => requests.toLocaleString('en')],
  ['wall s', ({ wallSeconds }) => wallSeconds.toFixed(1)],
  ['start s', ({ startSeconds }) => startSeconds.toFixed(1)],
  ['window s', ({ windowSeconds }) => windowSeconds.toFixed(1)],
  ['CPU s', ({ cpuSeconds }) => cpuSeconds.toFixed(1)],
  ['command MB', ({ rootPeakBytes }) => megabytes(rootPeakBytes)],
];

/** Measures what is not paid twice: a run, one after one item in a hundred has changed, those items alone, and one with 40 % duplicates. */
export async function measureAgain(args: readonly string[]): Promise<void> {
  const options = parseAgainOptions(args);
  const { items, lanes, latency } = options;
  const folder = mkdtempSync(join(tmpdir(), 'dria-again-'));
  // One for all: another address would be another endpoint, whose answers are not taken.
  const simulator = await startSimulatorProcess({ latency, record: false });
  const measure = (row: string, run: Row): Promise<RunFigures> => measureRun(row, run, { simulator, options });
  try {
    const changed = items / CHANGED;
    const write = (name: string, count: number, textOf?: (item: number) => string): string => {
      const file = join(folder, name);
      writeManyPrompts(file, count, textOf);
      return file;
    };
    const all = write('prompts.jsonl', items);
    const figures = [await measure('all', { input: all, items, requests: items })];
    write('prompts.jsonl', items, (item) => promptOf(item % CHANGED === 0 ? items + item : item));
    figures.push(
      await measure('1 % changed', { input: all, items, requests: changed, more: ['--reuse', 'last'] }),
      await measure('those alone', {
        input: write('alone.jsonl', changed, (item) => promptOf(2 * items + item)),
        items: changed,
        requests: changed,
      }),
      await measure('40 % duplicates', {
        input: write('same.jsonl', items, (item) => promptOf(3 * items + firstOf(item, items))),
        items,
        requests: (items * (GROUP - SAME)) / GROUP,
        more: ['--dedupe', 'always'],
      }),
    );
    if (options.json) return console.log(JSON.stringify({ machine: machine(), options, figures }, undefined, 2));
    const rows = figures.map((run) => COLUMNS.map(([, cell]) => cell(run)));
    const titles = COLUMNS.map(([title]) => title);
    console.log(`\n${lanes} lanes, answers in ${latency.minMs}–${latency.maxMs} ms\n\n${markdownTable(titles, rows)}`);
    console.log(`\n${machine()}`);
  } finally {
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Row {
  readonly input: string;
  readonly items: number;
  /** Requests that it must take. */
  readonly requests: number;
  readonly more?: readonly string[];
}

/** Returns the item whose prompt an item has: its own, or that of one half an input away, which is its own. */
function firstOf(item: number, items: number): number {
  return item % GROUP < SAME ? (item + SAME + GROUP * Math.floor(items / (2 * GROUP))) % items : item;
}

/** What all runs share. */
interface Setup {
  readonly simulator: SimulatorProcess;
  readonly options: AgainOptions;
}

async function measureRun(row: string, run: Row, { simulator, options }: Setup): Promise<RunFigures> {
  const { input, items, requests, more } = run;
  const { lanes, cli } = options;
  progress(`${row}: ${items} items, ${lanes} lanes …`);
  await simulator.reset();
  const folder = dirname(input);
  const [output, dataDir] = [join(folder, 'results.jsonl'), join(folder, 'data')];
  const startedAt = Date.now();
  const task = { input, output, url: simulator.url, model: MODEL, lanes, dataDir };
  const usage = await measureTree(startRow('ours', task, cli, more));
  if (usage.exitCode !== 0)
    throw new Error(`it ended with ${usage.exitCode}:\n${readFileSync(`${output}.log`, 'utf8')}`);
  await checkResults(output, items);
  const traffic = await simulator.stats();
  if (traffic.requests !== requests) throw new Error(`${traffic.requests} requests, and not ${requests}`);
  progress(`  ${usage.wallSeconds.toFixed(1)} s`);
  return {
    ...usage,
    row,
    items,
    requests,
    startSeconds: (traffic.firstRequestAt - startedAt) / 1000,
    windowSeconds: (traffic.lastAnswerAt - traffic.firstRequestAt) / 1000,
  };
}
