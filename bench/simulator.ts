import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { z } from 'zod';
import type { Interval } from './idle-lanes.js';
import { type BenchOptions, MODEL, SEED } from './options.js';
import { readProcess } from './proc.js';

const statsSchema = z.object({
  requests: z.number(),
  answered: z.number(),
  maxInFlight: z.number(),
  firstRequestAt: z.number(),
  lastAnswerAt: z.number(),
});
const recordSchema = z.object({ at: z.number(), latencyMs: z.number() });

/** What the network counted. */
export type Stats = z.output<typeof statsSchema>;

/** What the network saw of one row. */
export interface Traffic extends Stats {
  readonly intervals: readonly Interval[];
  /** The record as the simulator gives it, JSONL. */
  readonly record: string;
}

/** A simulated network in a process of its own, fresh for every row. */
export interface SimulatorProcess {
  /** The base URL, with `/v1`. */
  readonly url: string;
  cpuSeconds(): number;
  traffic(): Promise<Traffic>;
  /** The counts alone, for a network that keeps no record. */
  stats(): Promise<Stats>;
  /** Forgets what it has counted. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** How a benchmark's network answers. */
export interface SimulatedNetwork extends Pick<BenchOptions, 'latency'> {
  /** One prompt in `every` takes `ms`. */
  readonly slow?: { readonly every: number; readonly ms: number } | undefined;
  /** Ways in which it differs from a plain network. Default: none. */
  readonly quirks?: readonly string[];
  /** Keep a record of each request. Default true. */
  readonly record?: boolean;
}

/** Starts a simulated network. */
export async function startSimulatorProcess({ latency, ...network }: SimulatedNetwork): Promise<SimulatorProcess> {
  const options = {
    seed: SEED,
    models: [{ id: MODEL, nodes: 1000 }],
    latency: { kind: 'uniform', ...latency },
    ...network,
  };
  const program = fileURLToPath(new URL('./simulator-process.js', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const url = String(line).trim();
  return {
    url,
    cpuSeconds: () => (child.pid === undefined ? 0 : (readProcess(child.pid)?.cpuSeconds ?? 0)),
    traffic: () => readTraffic(url),
    stats: () => readStats(url),
    reset: async () => void (await (await request(`${url}/_sim/reset`, { method: 'POST' })).body.dump()),
    stop: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

async function readTraffic(url: string): Promise<Traffic> {
  const stats = await readStats(url);
  const record = await get(`${url}/_sim/requests`);
  const intervals = record
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => recordSchema.parse(JSON.parse(line)))
    .map(({ at, latencyMs }) => ({ start: at, end: at + latencyMs }));
  return { ...stats, intervals, record };
}

async function readStats(url: string): Promise<Stats> {
  return statsSchema.parse(JSON.parse(await get(`${url}/_sim/stats`)));
}

async function get(url: string): Promise<string> {
  return await (await request(url)).body.text();
}
