import { existsSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../system-error.js';
import { currentProcess, isRunning, type ProcessRef } from './processes.js';

/**
 * One keeper per data directory. The lock is a row of symbolic links `keeper-<generation>.lock` whose target names
 * the owner (`<pid>@<start>`): making one is atomic, exclusive, and carries its content, so there is no moment with an
 * empty lock. The highest generation counts. Nobody ever breaks a lock: when its owner is dead, contenders try to make
 * the next generation, and one of them wins. A lock is not removed by its owner either, so that the highest generation
 * never goes down and a slow contender cannot win with an old number.
 */
const LOCK_NAME = /^keeper-(\d+)\.lock$/;

/** Dead generations that stay, so that a contender in the middle of reading the folder still sees a newer one. */
const KEPT_GENERATIONS = 8;

/** Takes the lock for this process, for as long as it lives. False when another live process has it. */
export function acquireKeeperLock(dir: string): boolean {
  const generations = readGenerations(dir);
  const highest = generations.at(-1) ?? 0;
  if (keeperLockOwner(dir) !== undefined) return false;
  const generation = highest + 1;
  const self = currentProcess();
  try {
    symlinkSync(`${self.pid}@${self.started}`, lockPath(dir, generation));
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
  if (readGenerations(dir).at(-1) !== generation) {
    remove(lockPath(dir, generation));
    return false;
  }
  for (const old of generations) if (old <= generation - KEPT_GENERATIONS) remove(lockPath(dir, old));
  return true;
}

/** The live process that has the lock, if any. */
export function keeperLockOwner(dir: string): ProcessRef | undefined {
  if (!existsSync(dir)) return undefined;
  const highest = readGenerations(dir).at(-1);
  if (highest === undefined) return undefined;
  const owner = readOwner(lockPath(dir, highest));
  return owner && isRunning(owner) ? owner : undefined;
}

function readGenerations(dir: string): number[] {
  return readdirSync(dir)
    .flatMap((name) => {
      const generation = LOCK_NAME.exec(name)?.[1];
      return generation === undefined ? [] : [Number(generation)];
    })
    .sort((a, b) => a - b);
}

function readOwner(path: string): ProcessRef | undefined {
  try {
    const [pid, started] = readlinkSync(path).split('@');
    return pid && started ? { pid: Number(pid), started } : undefined;
  } catch {
    return undefined;
  }
}

function lockPath(dir: string, generation: number): string {
  return join(dir, `keeper-${generation}.lock`);
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another contender removed it.
  }
}
