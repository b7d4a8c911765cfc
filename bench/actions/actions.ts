import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markdownTable } from '../markdown-table.js';
import { writeManyPrompts } from '../prompts.js';
import { machine, progress } from '../say.js';
import { startSimulatorProcess } from '../simulator.js';
import { Cluster } from '../workers/cluster.js';
import { ActionCounter, type ActionCounts } from './count-actions.js';
import { type ActionsOptions, parseActionsOptions } from './options.js';

/** Runs the same batch on shared workers with slower and slower answers, and prints what it costs in Temporal's actions. */
export async function measureActions(args: readonly string[]): Promise<void> {
  const options = parseActionsOptions(args);
  const rows: { readonly seconds: number; readonly counts: ActionCounts; readonly total: number }[] = [];
  for (const seconds of options.answers) {
    progress(`answers of ${seconds} s …`);
    const counts = await measure(seconds, options);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    progress(`  ${total} actions`);
    rows.push({ seconds, counts, total });
  }
  if (options.json) return console.log(JSON.stringify({ machine: machine(), options, rows }, undefined, 2));
  const titles = ['answers', 'actions', 'workflows', 'activities', 'timers', 'signals', 'updates', 'heartbeats'];
  const lines = rows.map(({ seconds, counts, total }) => [
    `${seconds} s`,
    ...[total, counts.workflows, counts.activities, counts.timers, counts.signals, counts.updates].map(String),
    String(counts.heartbeats),
  ]);
  const { items, concurrency, workers } = options;
  console.log(`\n${items} prompts, ${concurrency} in flight, ${workers} shared workers\n`);
  console.log(`${markdownTable(titles, lines)}\n\n${machine()}`);
}

async function measure(seconds: number, { items, concurrency, workers }: ActionsOptions): Promise<ActionCounts> {
  const folder = mkdtempSync(join(tmpdir(), 'dria-actions-'));
  const latency = { minMs: seconds * 900, maxMs: seconds * 1_100 };
  const simulator = await startSimulatorProcess({ latency, record: false });
  const input = join(folder, 'prompts.jsonl');
  writeManyPrompts(input, items);
  const cluster = await Cluster.start(join(folder, 'data'), simulator.url);
  try {
    for (let worker = 0; worker < workers; worker++) await cluster.addWorker(Math.ceil(concurrency / workers));
    const counter = await ActionCounter.watch(cluster.address);
    await cluster.run(['batch', input, '-o', join(folder, 'out.jsonl'), '-c', String(concurrency)]);
    return await counter.count();
  } finally {
    await cluster.stop();
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
