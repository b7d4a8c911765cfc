import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { listProcesses, type ProcessFacts, readMemory, readProcess } from './proc.js';

/** How often the tree is looked at, ms; more often once its root has ended, since little is left to see then. */
const SAMPLE_MS = 200;
const LAST_SAMPLES_MS = 50;

/** What a command and everything that it started have used. */
export interface TreeUsage {
  /** Time from the call until the root had ended, s. What it left behind may live longer. */
  readonly wallSeconds: number;
  readonly exitCode: number | null;
  /** All processes, until the last of them had ended. */
  readonly cpuSeconds: number;
  /** The most resident memory that all had together at a sample, bytes; pages they share are counted for each. */
  readonly peakBytes: number;
  /** The most resident memory of the root, bytes. */
  readonly rootPeakBytes: number;
  /** The most resident memory of any one process beside the root, bytes. */
  readonly otherPeakBytes: number;
}

/**
 * Measures a process that was just spawned, its children and theirs, until all have ended: also those that have left its
 * session and outlive it, as a server's keeper does. Nothing else that this process has started may end meanwhile:
 * the kernel adds up the CPU time of ended children in one sum.
 */
export async function measureTree(root: ChildProcess): Promise<TreeUsage> {
  if (root.pid === undefined) throw new Error('the command could not be started');
  const start = performance.now();
  const waitedBefore = childrenCpu();
  const tree = new ProcessTree(root.pid);
  const timer = setInterval(() => tree.sample(), SAMPLE_MS);
  tree.sample();
  const [exitCode] = await exited(root);
  const wallSeconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  // The root and all that it has waited for, to the tick. What follows are those that it left behind.
  const waited = childrenCpu() - waitedBefore;
  const leftBehind = await tree.untilGone();
  return { wallSeconds, exitCode, cpuSeconds: waited + leftBehind, ...tree.peaks };
}

async function exited(root: ChildProcess): Promise<[number | null]> {
  if (root.exitCode !== null) return [root.exitCode];
  const [code]: unknown[] = await once(root, 'exit');
  return [typeof code === 'number' ? code : null];
}

function childrenCpu(): number {
  return readProcess(process.pid)?.childrenCpuSeconds ?? 0;
}

/** The processes that come from one root. One belongs to the tree when its parent did, whoever its parent is later. */
class ProcessTree {
  readonly #members = new Map<string, ProcessFacts>();
  #peakBytes = 0;
  #rootPeakBytes = 0;
  #otherPeakBytes = 0;

  constructor(private readonly root: number) {}

  get peaks() {
    // The root's own peak is the kernel's, to the page; that of all together may fall between two samples.
    return {
      peakBytes: Math.max(this.#peakBytes, this.#rootPeakBytes),
      rootPeakBytes: this.#rootPeakBytes,
      otherPeakBytes: this.#otherPeakBytes,
    };
  }

  /** Looks at the tree. Returns the members that live. */
  sample(): ProcessFacts[] {
    const alive = this.#findMembers(listProcesses().filter(({ isZombie }) => !isZombie));
    let bytes = 0;
    for (const process of alive) {
      this.#members.set(identity(process), process);
      const memory = readMemory(process.pid);
      bytes += memory.resident;
      if (process.pid === this.root) this.#rootPeakBytes = Math.max(this.#rootPeakBytes, memory.peak);
      else this.#otherPeakBytes = Math.max(this.#otherPeakBytes, memory.peak);
    }
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
    return alive;
  }

  /** Waits for the end of those that outlive the root. Returns their CPU time, seconds, as last seen. */
  async untilGone(): Promise<number> {
    const left = new Set<string>();
    for (;;) {
      const alive = this.sample();
      for (const process of alive) left.add(identity(process));
      if (alive.length === 0) break;
      await delay(LAST_SAMPLES_MS);
    }
    return [...left].reduce((sum, key) => sum + (this.#members.get(key)?.cpuSeconds ?? 0), 0);
  }

  #findMembers(all: readonly ProcessFacts[]): ProcessFacts[] {
    const found = new Map<number, ProcessFacts>();
    for (let before = -1; before !== found.size; ) {
      before = found.size;
      for (const process of all) {
        const isMember = process.pid === this.root || this.#members.has(identity(process));
        if (isMember || found.has(process.parent)) found.set(process.pid, process);
      }
    }
    return [...found.values()];
  }
}

function identity({ pid, startTicks }: ProcessFacts): string {
  return `${pid} ${startTicks}`;
}
