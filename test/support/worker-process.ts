import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import type { World } from './batch-world.js';

const PROGRAM = fileURLToPath(new URL('./worker-process.mjs', import.meta.url));

/** A worker of a world in a process of its own. It is killed at the latest when the test ends. */
export class WorkerProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Starts it and waits until it polls. */
  static async start(world: World): Promise<WorkerProcess> {
    const args = [PROGRAM, inject('temporalAddress'), world.taskQueue, world.root, world.baseUrl];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const started = new WorkerProcess(child);
    onTestFinished(() => started.kill());
    await once(createInterface({ input: child.stdout }), 'line');
    return started;
  }

  /** `kill -9`, and waits until the process is gone. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}
