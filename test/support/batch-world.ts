import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, type Worker } from '@temporalio/worker';
import { inject, onTestFinished } from 'vitest';
import type { BatchOptionsInput } from '../../src/batch/options.js';
import type { Progress } from '../../src/batch/progress.js';
import type { BatchInput } from '../../src/batch/run.js';
import { BatchClient, type BatchHandle } from '../../src/client.js';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import type { RequestRecord, SimulatorStats } from '../../src/simulator/record.js';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import type { BatchWorkerOptions } from '../../src/worker.js';
import { type Front, frontOf } from './front.js';
import { until } from './until.js';

/** One output line. */
export interface OutputLine {
  readonly id: string | number;
  readonly model: string | null;
  readonly output?: string;
  readonly error?: string;
  readonly [detail: string]: unknown;
}

/** What a world may be told. */
export interface WorldOptions extends Front {
  readonly simulator?: SimulatorOptions;
  /** Default: the server that all tests share. */
  readonly address?: string;
  /** Start no worker; the test starts its own. */
  readonly noWorker?: boolean;
  /** The hook of a test that runs beside others of its file, from its context. */
  readonly onTestFinished?: typeof onTestFinished;
}

/** What one run is told. */
export interface RunOptions extends Omit<BatchInput, 'input' | 'options'> {
  readonly priority?: number;
  readonly weight?: number;
  readonly options?: BatchOptionsInput;
  readonly id?: string;
}

/** Heartbeats: short, so that a cancelled pack hears of it soon; long enough for a machine that is busy. */
const HEARTBEAT_TIMEOUT_MS = 3000;

const DIST_WORKER = new URL('../../dist/worker.js', import.meta.url).href;

/** The worker as it is shipped: with the bundle that was built. */
async function builtWorkerModule(): Promise<typeof import('../../src/worker.js')> {
  return await import(/* @vite-ignore */ DIST_WORKER);
}

// Once a process, before anything makes the runtime with its defaults: warnings of killed workers are no news here.
Runtime.install({ logger: new DefaultLogger('ERROR') });

const connections = new Map<string, Promise<{ client: Connection; native: NativeConnection }>>();

/** Connections are made once a file; they end with its process. */
async function connect(address: string) {
  const known = connections.get(address);
  if (known !== undefined) return await known;
  const made = Promise.all([Connection.connect({ address }), NativeConnection.connect({ address })]).then(
    ([client, native]) => ({ client, native }),
  );
  connections.set(address, made);
  return await made;
}

/** A task queue, a storage folder, a simulated network and a worker of one test. Everything goes with the test. */
export class World {
  readonly taskQueue = `test-${randomUUID()}`;
  readonly root = mkdtempSync(join(tmpdir(), 'dria-temporal-world-'));
  readonly batches: BatchClient;
  #worker: { readonly worker: Worker; readonly ended: Promise<void> } | undefined;

  private constructor(
    readonly client: Client,
    readonly native: NativeConnection,
    readonly simulator: Simulator,
    readonly baseUrl: string,
  ) {
    this.batches = new BatchClient(client);
  }

  /** Opens a world for the test that runs. */
  static async open(options: WorldOptions = {}): Promise<World> {
    const { client, native } = await connect(options.address ?? inject('temporalAddress'));
    const simulator = await startSimulator(options.simulator);
    const { modelsList, silent, held, noBalance, crowd } = options;
    const fronted = [modelsList, silent, held, noBalance, crowd].some((front) => front !== undefined);
    const baseUrl = fronted ? await frontOf(simulator, options) : simulator.url;
    const world = new World(new Client({ connection: client }), native, simulator, baseUrl);
    (options.onTestFinished ?? onTestFinished)(() => world.#close());
    if (options.noWorker !== true) await world.startWorker();
    return world;
  }

  /** Starts this package's worker. Its shutdown is short: requests that hang are cut. */
  async startWorker(
    more: Partial<
      Pick<
        BatchWorkerOptions,
        | 'apiKey'
        | 'endpoints'
        | 'maxRequests'
        | 'activitySlots'
        | 'shared'
        | 'tracing'
        | 'traceSinks'
        | 'webhookHosts'
        | 'webhookSecret'
      >
    > = {},
  ): Promise<void> {
    const { createBatchWorker } = await builtWorkerModule();
    this.run(
      await createBatchWorker({
        connection: this.native,
        namespace: 'default',
        taskQueue: this.taskQueue,
        storage: this.root,
        baseUrl: this.baseUrl,
        apiKey: 'test-key',
        shutdownGraceMs: 100,
        ...more,
      }),
    );
  }

  /** Runs a worker of the test's own making instead. */
  run(worker: Worker): void {
    this.#worker = { worker, ended: worker.run() };
  }

  /** Stops the worker and waits for its end. */
  async stopWorker(): Promise<void> {
    this.#worker?.worker.shutdown();
    await this.#worker?.ended;
    this.#worker = undefined;
  }

  /** Writes an input file: prompts, or whole lines. Returns its path. */
  input(lines: readonly (string | object)[], name = 'input.jsonl'): string {
    const path = join(this.root, name);
    const texts = lines.map((line) => JSON.stringify(typeof line === 'string' ? { prompt: line } : line));
    writeFileSync(path, `${texts.join('\n')}\n`);
    return path;
  }

  /** Starts a run over an input file or over lines. */
  async start(input: string | readonly (string | object)[], run: RunOptions = {}): Promise<BatchHandle> {
    const { id = `run-${randomUUID()}`, priority, weight, ...rest } = run;
    return await this.batches.start({
      id,
      ...(priority === undefined ? {} : { priority }),
      ...(weight === undefined ? {} : { weight }),
      taskQueue: this.taskQueue,
      input: {
        heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS,
        ...rest,
        input: typeof input === 'string' ? input : this.input(input, `${id}.jsonl`),
      },
    });
  }

  /** The output of a finished run. */
  output(key: string): OutputLine[] {
    return parseLines(this.text(key));
  }

  /** The text of an object in storage. */
  text(key: string): string {
    return readFileSync(join(this.root, key), 'utf8');
  }

  /** True when storage has the object. */
  has(key: string): boolean {
    return existsSync(join(this.root, key));
  }

  /** Every request that the network got, in order of arrival. */
  async requests(): Promise<RequestRecord[]> {
    const response = await fetch(`${this.simulator.url}/_sim/requests`);
    return parseLines(await response.text());
  }

  async stats(): Promise<SimulatorStats> {
    const response = await fetch(`${this.simulator.url}/_sim/stats`);
    // The simulator is ours: its counts need no check.
    return JSON.parse(await response.text());
  }

  /** Steers the simulated network: `POST rules`, `PATCH models`. */
  async steer(method: string, path: string, body?: unknown): Promise<void> {
    const response = await fetch(`${this.simulator.url}/_sim/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  /** Waits until the network has given so many answers. */
  async answered(count: number): Promise<void> {
    await until(`${count} answers`, async () => (await this.stats()).answered >= count);
  }

  async #close(): Promise<void> {
    await this.simulator.close();
    await this.stopWorker();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Waits until a run's progress is as wanted. */
export async function progressUntil(
  run: BatchHandle,
  what: string,
  wanted: (progress: Progress) => boolean,
): Promise<Progress> {
  let progress = await run.progress();
  try {
    await until(what, async () => {
      progress = await run.progress();
      return wanted(progress);
    });
  } catch (error) {
    throw new Error(`${what}: it is so now: ${JSON.stringify({ ...progress, models: undefined })}`, { cause: error });
  }
  return progress;
}

/** How often each prompt was asked, by what the record says; `answered` counts only answers. */
export function askedTimes(requests: readonly RequestRecord[], answered = false): Map<string, number> {
  const times = new Map<string, number>();
  for (const { prompt = '', answered: isAnswered } of requests) {
    if (answered && isAnswered !== true) continue;
    times.set(prompt, (times.get(prompt) ?? 0) + 1);
  }
  return times;
}

/** `prompt 0` … */
export function prompts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `prompt ${index}`);
}

function parseLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
