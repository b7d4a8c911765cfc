import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { countHistories, type HistoryCounts, NO_HISTORIES } from './histories.js';
import { type IdleLanes, idleLanes } from './idle-lanes.js';
import { type BenchOptions, MODEL, type RowName } from './options.js';
import { machineBusySeconds } from './proc.js';
import { measureTree } from './process-tree.js';
import { benchPrompts, writePrompts } from './prompts.js';
import { startRow } from './rows/commands.js';
import type { Task } from './rows/prompt.js';
import { startSimulatorProcess, type Traffic } from './simulator.js';

/** One run of one row. */
export interface Measurement extends HistoryCounts {
  readonly row: RowName;
  /** The whole command, s. */
  readonly wallSeconds: number;
  /** From the start of the command to the first request, s. */
  readonly startSeconds: number;
  /** From the first request to the last answer, s. */
  readonly windowSeconds: number;
  /** CPU time of the whole process tree, s. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly rootPeakBytes: number;
  readonly otherPeakBytes: number;
  readonly maxInFlight: number;
  readonly idle: IdleLanes;
  /** Cores that programs beside the benchmark kept busy meanwhile. */
  readonly othersCores: number;
}

/** Runs a row once. Throws when it did not answer every prompt exactly once. */
export async function measureRow(row: RowName, lanes: number, options: BenchOptions): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'dria-bench-'));
  const { latency, slow } = options;
  const simulator = await startSimulatorProcess({ latency, slow });
  try {
    const task = prepareTask(folder, simulator.url, lanes, options);
    const startedAt = Date.now();
    const usedBefore = simulator.cpuSeconds() + ownCpuSeconds();
    const busyBefore = machineBusySeconds();
    const usage = await measureTree(startRow(row, task, options.cli));
    const used = usage.cpuSeconds + simulator.cpuSeconds() + ownCpuSeconds() - usedBefore;
    const busy = machineBusySeconds() - busyBefore;
    if (usage.exitCode !== 0) throw new Error(`${row} ended with ${usage.exitCode}:\n${readLog(task)}`);
    checkResults(row, task, options.items);
    const traffic = await simulator.traffic();
    keepTrace(options.trace, `${row}-${lanes}`, traffic);
    return {
      row,
      ...usage,
      startSeconds: (traffic.firstRequestAt - startedAt) / 1000,
      windowSeconds: (traffic.lastAnswerAt - traffic.firstRequestAt) / 1000,
      maxInFlight: traffic.maxInFlight,
      idle: idleLanes(traffic.intervals, lanes),
      othersCores: Math.max(0, busy - used) / usage.wallSeconds,
      ...(row === 'loop' ? NO_HISTORIES : await countHistories(task.dataDir)),
    };
  } finally {
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function prepareTask(folder: string, url: string, lanes: number, { items }: BenchOptions): Task {
  const input = join(folder, 'prompts.jsonl');
  writePrompts(input, benchPrompts(items));
  return { input, output: join(folder, 'results.jsonl'), url, model: MODEL, lanes, dataDir: join(folder, 'data') };
}

function readLog({ output }: Task): string {
  return readFileSync(`${output}.log`, 'utf8').slice(-4000);
}

const resultSchema = z.object({ id: z.number(), output: z.string().min(1) });

function checkResults(row: RowName, task: Task, items: number): void {
  const lines = readFileSync(task.output, 'utf8').trimEnd().split('\n');
  const ids = new Set(lines.map((line) => resultSchema.parse(JSON.parse(line)).id));
  if (lines.length !== items || ids.size !== items) {
    throw new Error(`${row} wrote ${lines.length} lines with ${ids.size} ids for ${items} prompts:\n${readLog(task)}`);
  }
}

function keepTrace(folder: string | undefined, name: string, { record }: Traffic): void {
  if (folder !== undefined) writeFileSync(join(folder, `${name}.jsonl`), record);
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}
