import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkResults } from '../check-results.js';
import { writeManyPrompts } from '../prompts.js';
import { type SimulatorProcess, startSimulatorProcess } from '../simulator.js';
import { Cluster } from './cluster.js';
import type { WorkersOptions } from './options.js';

/** What a run on so many workers took. */
export interface WorkersFigures {
  readonly workers: number;
  /** The whole command, s. */
  readonly wallSeconds: number;
  /** From the first request to the last answer, s. */
  readonly windowSeconds: number;
  readonly itemsPerSecond: number;
  /** CPU time of all workers together, s. */
  readonly workersCpuSeconds: number;
  readonly maxInFlight: number;
}

/** Runs a batch on so many workers. Throws unless the results have every item exactly once, each asked once. */
export async function measureWorkers(workers: number, options: WorkersOptions): Promise<WorkersFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'dria-workers-'));
  const simulator = await startSimulatorProcess({ latency: options.latency, record: false });
  try {
    return await measure(workers, options, folder, simulator);
  } finally {
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function measure(
  workers: number,
  { items, requests }: WorkersOptions,
  folder: string,
  simulator: SimulatorProcess,
): Promise<WorkersFigures> {
  const [input, output] = [join(folder, 'prompts.jsonl'), join(folder, 'results.jsonl')];
  writeManyPrompts(input, items);
  const cluster = await Cluster.start(join(folder, 'data'), simulator.url);
  try {
    for (let worker = 0; worker < workers; worker++) await cluster.addWorker(requests);
    const cpuBefore = cluster.workersCpuSeconds();
    const wallSeconds = await cluster.run(['batch', input, '-o', output, '-c', String(workers * requests)]);
    const workersCpuSeconds = cluster.workersCpuSeconds() - cpuBefore;
    await checkResults(output, items);
    const { maxInFlight, ...stats } = await simulator.stats();
    if (stats.requests !== items) throw new Error(`${stats.requests} requests for ${items} items`);
    const windowSeconds = (stats.lastAnswerAt - stats.firstRequestAt) / 1000;
    const itemsPerSecond = items / windowSeconds;
    return { workers, wallSeconds, windowSeconds, itemsPerSecond, workersCpuSeconds, maxInFlight };
  } finally {
    await cluster.stop();
  }
}
