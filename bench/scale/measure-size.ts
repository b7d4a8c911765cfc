import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkResults } from '../check-results.js';
import { countHistories, type HistoryCounts } from '../histories.js';
import { MODEL } from '../options.js';
import { measureTree, type TreeUsage } from '../process-tree.js';
import { writeManyPrompts } from '../prompts.js';
import { startRow } from '../rows/commands.js';
import { type SimulatorProcess, startSimulatorProcess } from '../simulator.js';
import type { ScaleOptions } from './options.js';

/** What a run of one size cost. */
export interface SizeFigures extends TreeUsage, HistoryCounts {
  readonly items: number;
  /** From the start of the command to the first request, s. */
  readonly startSeconds: number;
  /** From the first request to the last answer, s. */
  readonly windowSeconds: number;
  /** CPU time of the simulated network, which is on the same machine, s. */
  readonly networkCpuSeconds: number;
  readonly databaseBytes: number;
  /** The run directory, the staged input and everything else that the run left in storage. */
  readonly runBytes: number;
  readonly maxInFlight: number;
}

/** Runs one size once. Throws unless the results have every item exactly once, in order. */
export async function measureSize(items: number, options: ScaleOptions): Promise<SizeFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'dria-scale-'));
  const simulator = await startSimulatorProcess({ latency: options.latency, record: false });
  try {
    return await measure(items, options, folder, simulator);
  } finally {
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function measure(
  items: number,
  { lanes, cli }: ScaleOptions,
  folder: string,
  simulator: SimulatorProcess,
): Promise<SizeFigures> {
  const [input, output, dataDir] = [join(folder, 'prompts.jsonl'), join(folder, 'results.jsonl'), join(folder, 'data')];
  writeManyPrompts(input, items);
  const networkBefore = simulator.cpuSeconds();
  const startedAt = Date.now();
  const task = { input, output, url: simulator.url, model: MODEL, lanes, dataDir };
  const usage = await measureTree(startRow('ours', task, cli));
  if (usage.exitCode !== 0)
    throw new Error(`it ended with ${usage.exitCode}:\n${readFileSync(`${output}.log`, 'utf8')}`);
  await checkResults(output, items);
  const traffic = await simulator.stats();
  if (traffic.requests !== items) throw new Error(`${traffic.requests} requests for ${items} items`);
  const databaseBytes = bytesBelow(join(dataDir, 'server'));
  return {
    items,
    ...usage,
    startSeconds: (traffic.firstRequestAt - startedAt) / 1000,
    windowSeconds: (traffic.lastAnswerAt - traffic.firstRequestAt) / 1000,
    networkCpuSeconds: simulator.cpuSeconds() - networkBefore,
    databaseBytes,
    runBytes: bytesBelow(dataDir) - databaseBytes,
    maxInFlight: traffic.maxInFlight,
    ...(await countHistories(dataDir)),
  };
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
