import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireKeeperLock, keeperLockOwner } from '../../src/embedded/keeper-lock.js';
import { currentProcess, isRunning, processStart } from '../../src/embedded/processes.js';
import { requireBuilt } from './processes-of-test.js';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dria-temporal-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const lock = (generation: number, owner: string): void => symlinkSync(owner, join(dir, `keeper-${generation}.lock`));

describe('the keeper lock', () => {
  it('is had by one process at a time', () => {
    expect(acquireKeeperLock(dir)).toBe(true);
    expect(keeperLockOwner(dir)).toEqual(currentProcess());
    expect(acquireKeeperLock(dir)).toBe(false);
  });

  it('of a dead process is free', async () => {
    const child = spawn('true');
    const { pid } = child;
    await once(child, 'exit');
    lock(1, `${pid}@whenever`);
    expect(keeperLockOwner(dir)).toBeUndefined();
    expect(acquireKeeperLock(dir)).toBe(true);
  });

  it('of a dead process whose pid has been given to another is free', () => {
    lock(1, `${process.pid}@another start`);
    expect(keeperLockOwner(dir)).toBeUndefined();
    expect(acquireKeeperLock(dir)).toBe(true);
  });

  it('that is damaged is free', () => {
    lock(1, 'nonsense');
    expect(acquireKeeperLock(dir)).toBe(true);
  });

  it('leaves no row of old locks behind', () => {
    for (let generation = 1; generation <= 30; generation += 1) lock(generation, '999999999@long ago');
    expect(acquireKeeperLock(dir)).toBe(true);
    expect(readdirSync(dir).length).toBeLessThan(10);
    expect(readdirSync(dir)).toContain('keeper-31.lock');
  });

  it('goes to exactly one of many processes that find a dead owner', async () => {
    requireBuilt();
    for (let round = 0; round < 3; round += 1) {
      const contenders = Array.from({ length: 8 }, startContender);
      const answers = await Promise.all(contenders.map(firstWord));
      expect(answers.filter((answer) => answer === 'true')).toHaveLength(1);
      for (const contender of contenders) contender.kill('SIGKILL');
      await Promise.all(contenders.map((contender) => contender.exitCode ?? once(contender, 'close')));
    }
  });
});

/** A process that tries to take the lock as soon as a line comes in, says how it went, and stays. */
function startContender(): ChildProcess {
  const module = fileURLToPath(new URL('../../dist/embedded/keeper-lock.js', import.meta.url));
  const code = `import { acquireKeeperLock } from ${JSON.stringify(module)};
    process.stdin.once('data', () => process.stdout.write(String(acquireKeeperLock(${JSON.stringify(dir)}))));
    process.stdout.write('ready');`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function firstWord(contender: ChildProcess): Promise<string> {
  if (!contender.stdout) throw new Error('no output');
  await once(contender.stdout, 'data');
  contender.stdin?.write('go\n');
  const [answer] = await once(contender.stdout, 'data');
  return String(answer);
}

describe('a process', () => {
  it('that has ended but was not reaped does not count as running', async () => {
    // sh starts a child, then becomes a program that never asks after it: the child stays a zombie.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [output] = await once(parent.stdout, 'data');
    const pid = Number(String(output));
    await expect.poll(() => processStart(pid)).toBeUndefined();
    expect(isRunning({ pid, started: 'unknown' })).toBe(false);
    parent.kill('SIGKILL');
  });
});
