import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { readProcess } from '../proc.js';
import { CLI } from '../rows/commands.js';

const addressSchema = z.object({ address: z.string() });

/** A process's exit code, or the signal that ended it; null while it runs. */
function endOf({ exitCode, signalCode }: ChildProcess): number | NodeJS.Signals | null {
  return exitCode ?? signalCode;
}

/** A Temporal server and workers beside it, each a process of its own, as on machines that share a storage folder. */
export class Cluster {
  /** The server first. */
  readonly #processes: ChildProcess[] = [];
  readonly #env: NodeJS.ProcessEnv;
  #address = '';

  private constructor(
    /** Where the runs are. */
    private readonly folder: string,
    baseUrl: string,
  ) {
    this.#env = { ...process.env, DRIA_API_KEY: 'bench', DRIA_BASE_URL: baseUrl };
  }

  /** Starts the server. Leaves none behind when it throws. */
  static async start(folder: string, baseUrl: string): Promise<Cluster> {
    const cluster = new Cluster(folder, baseUrl);
    try {
      const line = await cluster.#startUntil(['server', '--data-dir', folder, '--json'], /^\{/);
      cluster.#address = addressSchema.parse(JSON.parse(line)).address;
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Host and port of the server. */
  get address(): string {
    return this.#address;
  }

  /** Starts one more worker, with so many requests in flight at most. */
  async addWorker(requests: number): Promise<void> {
    await this.#startUntil(['worker', ...this.#where(), '--max-requests', String(requests)], /^Worker for /);
  }

  /** Runs a command to its end and returns its wall time, s. Throws with what it said unless it ended well. */
  async run(args: readonly string[]): Promise<number> {
    const start = performance.now();
    const command = this.#spawn([...args, ...this.#where()]);
    let said = '';
    for (const stream of [command.stdout, command.stderr]) stream?.on('data', (bytes) => (said += String(bytes)));
    const [code] = await once(command, 'close');
    if (code !== 0) throw new Error(`it ended with ${code}:\n${said}`);
    return (performance.now() - start) / 1000;
  }

  /** CPU time of all workers together since they were started, s. */
  workersCpuSeconds(): number {
    const [, ...workers] = this.#processes;
    return workers.reduce((sum, { pid = 0 }) => sum + (readProcess(pid)?.cpuSeconds ?? 0), 0);
  }

  /** Ends the workers, then the server. */
  async stop(): Promise<void> {
    for (const child of this.#processes.toReversed()) {
      if (endOf(child) !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }

  #where(): string[] {
    return ['--address', this.#address, '--storage', this.folder];
  }

  /** Starts a process that stays. Returns the line that tells that it is there. */
  async #startUntil(args: readonly string[], ready: RegExp): Promise<string> {
    const child = this.#spawn(args);
    this.#processes.push(child);
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => said.push(line));
    }
    for (;;) {
      const line = said.find((text) => ready.test(text));
      if (line !== undefined) return line;
      const end = endOf(child);
      if (end !== null) throw new Error(`${args[0]} ended with ${end}:\n${said.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #spawn(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [CLI, ...args], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}
