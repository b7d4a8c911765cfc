import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A program that a test runs beside it, with its output in a file. */
export class Service {
  readonly #child: ChildProcess;
  readonly #log: string;

  constructor(program: string, args: readonly string[], log: string, env: NodeJS.ProcessEnv = process.env) {
    this.#log = log;
    const file = openSync(log, 'a');
    this.#child = spawn(program, args, { env, stdio: ['ignore', file, file] });
    closeSync(file);
  }

  /** What it has said. */
  get log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
  }
}
