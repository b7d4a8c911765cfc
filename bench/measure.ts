import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { countHistories, type HistoryCounts } from './histories.js';
import { type IdleLanes, idleLanes } from './idle-lanes.js';
import { type BenchOptions, MODEL, type RowName } from './options.js';
import { machineBusySeconds } from './proc.js';
import { measureTree } from './process-tree.js';
import { benchPrompts, writePrompts } from './prompts.js';
import { rowCommand } from './rows/commands.js';
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
  readonly maxInFlight: number;
  readonly idle: IdleLanes;
  /** Cores that programs beside the benchmark kept busy meanwhile. */
  readonly othersCores: number;
}

/** Runs a row once. Throws when it did not answer every prompt exactly once. */
export async function measureRow(row: RowName, lanes: number, options: BenchOptions): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'dria-bench-'));
  const simulator = await startSimulatorProcess(options);
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
      ...(row === 'loop' ? { activities: 0, events: 0, largest: 0 } : await countHistories(task.dataDir)),
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

/** Starts a row with a file for all that it says, as in a script: no terminal to draw on. */
function startRow(row: RowName, task: Task, cli: string | undefined) {
  const { args, env } = rowCommand(row, task, cli);
  const log = openSync(`${task.output}.log`, 'w');
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
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
