import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { serverPaths } from '../../src/embedded/data-dir.js';
import { keeperLockOwner } from '../../src/embedded/keeper-lock.js';
import { findServers } from '../../src/embedded/processes.js';
import { temporalProgram } from '../embedded/processes-of-test.js';
import { ROOT } from './build.js';
import { NetworkProcess } from './network-process.js';
import { until } from './until.js';

/** The built command line. */
export const MAIN = join(ROOT, 'dist/cli/main.js');

/** The key that commands of tests have; no file and no line may ever hold it. */
export const API_KEY = 'dkn_live_0f-a-test_nobody-may-see-this';
// A worker takes its key from the environment of its process: in this one for commands that run here.
process.env.DRIA_API_KEY = API_KEY;

/** Commands that last until a signal ends them. */
const LASTING = ['worker', 'server', 'simulate'];

/** Compiled code that all commands of tests keep. */
const CACHE = join(ROOT, 'node_modules/.cache/dria-temporal');

/** How a command ended, and all it said. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From its start. */
  readonly ms: number;
}

/** What a command is started with besides its arguments. */
export interface CommandOptions {
  /** What it reads from standard input; none by default. */
  readonly stdin?: string;
  /** Over the environment that all commands have; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** A command that runs. */
export class Command {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv, { stdin, cwd }: CommandOptions) {
    const started = performance.now();
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr += chunk;
    });
    // A command that refuses its arguments does not wait for its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin ?? '');
    this.ended = once(child, 'close').then(() => {
      const { stdout, stderr } = this;
      return { code: child.exitCode, stdout, stderr, ms: performance.now() - started };
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the command could not be started');
    return pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until the command has said it on standard error. Fails when it ends without. */
  async said(words: RegExp): Promise<void> {
    await until(`the command says ${words}`, () => {
      if (words.test(this.stderr)) return true;
      if (!this.isRunning) throw new Error(`the command ended without saying ${words}:\n${this.stderr}`);
      return false;
    });
  }
}

async function builtProgram(): Promise<typeof import('../../src/cli/program.js')> {
  return await import(/* @vite-ignore */ new URL('../../dist/cli/program.js', import.meta.url).href);
}

/** A folder with inputs and a data directory, a simulated network, and every command that was started there. */
export class CliWorld {
  readonly #commands: Command[] = [];

  private constructor(
    readonly folder: string,
    readonly network: NetworkProcess,
    private readonly temporal: string,
  ) {}

  /** Opens a world around a network with these options of the simulator. */
  static async open(simulator: object = {}): Promise<CliWorld> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dria-temporal-cli-')));
    const temporal = await temporalProgram();
    return new CliWorld(folder, await NetworkProcess.start(MAIN, simulator), temporal);
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  /** What all commands get: nothing of the developer's own settings. */
  get env(): NodeJS.ProcessEnv {
    return {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: join(this.folder, 'home'),
      TMPDIR: tmpdir(),
      TEMPORAL_CLI_PATH: this.temporal,
      DRIA_TEMPORAL_CACHE: CACHE,
      DRIA_TEMPORAL_HOME: this.dataDir,
      DRIA_BASE_URL: this.network.url,
      DRIA_API_KEY: API_KEY,
    };
  }

  /** A path in this world's folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file and returns its path. */
  file(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** Writes an input of so many prompts `<name> 1` … and returns its path. */
  prompts(name: string, count: number): string {
    const lines = Array.from({ length: count }, (_, index) => JSON.stringify({ prompt: `${name} ${index + 1}` }));
    return this.file(`${name}.jsonl`, `${lines.join('\n')}\n`);
  }

  /** Starts a command. */
  start(args: readonly string[], options: CommandOptions = {}): Command {
    return this.spawn(process.execPath, [MAIN, ...args], options);
  }

  /** Starts another program, a shell with a pipe in it, with the same environment. */
  spawn(program: string, args: readonly string[], options: CommandOptions = {}): Command {
    const command = new Command(program, args, { ...this.env, ...options.env }, options);
    this.#commands.push(command);
    return command;
  }

  /**
   * Runs a command to its end. In this process, since a process of its own costs as much CPU time as all that most commands
   * do, unless it needs an environment, a standard input or a folder of its own.
   */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
    const isPlain = Object.keys(options).length === 0 && !LASTING.includes(args[0] ?? '');
    return isPlain ? await this.#runHere(args) : await this.start(args, options).ended;
  }

  async #runHere(args: readonly string[]): Promise<Ended> {
    const { runCli } = await builtProgram();
    const [stdin, stdout, stderr] = [new PassThrough().end(), new PassThrough(), new PassThrough()];
    const written = Promise.all([text(stdout), text(stderr)]);
    const started = performance.now();
    const interrupt = new AbortController().signal;
    const code = await runCli([process.execPath, MAIN, ...args], { stdin, stdout, stderr, env: this.env, interrupt });
    const ms = performance.now() - started;
    stdout.end();
    stderr.end();
    const [said, told] = await written;
    return { code, stdout: said, stderr: told, ms };
  }

  /** Keeps the embedded server up until the world closes, so that each command need not start it. Its address. */
  async keepServer(): Promise<string> {
    const server = this.start(['server', '--json']);
    await until('the server is up', () => server.stdout.includes('\n') || !server.isRunning);
    return z.object({ address: z.string() }).parse(JSON.parse(server.stdout)).address;
  }

  /** Pids of the Temporal servers on this world's database. */
  get servers(): number[] {
    return findServers(serverPaths(this.dataDir).database).map(({ pid }) => pid);
  }

  /** Pid of the process that looks after the server. */
  get keeper(): number | undefined {
    return keeperLockOwner(serverPaths(this.dataDir).dir)?.pid;
  }

  /** Ends everything that was started here and removes the folder. */
  async close(): Promise<void> {
    for (const command of this.#commands) if (command.isRunning) command.signal('SIGKILL');
    const left = (): number[] => [...this.servers, this.keeper].filter((pid) => pid !== undefined);
    await until('server and keeper have left', () => left().length === 0, 10_000).catch(() => {
      for (const pid of left()) process.kill(pid, 'SIGKILL');
    });
    await this.network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
