import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { measureTree } from '../../bench/process-tree.js';

/** Keeps a core busy for so much CPU time, ms. */
const BURN =
  'const burn = (ms) => { for (let used = 0; used < ms * 1000; ) { const { user, system } = process.cpuUsage(); used = user + system; } };';

function run(program: string) {
  return spawn(process.execPath, ['-e', `${BURN} const { spawn } = require('node:child_process'); ${program}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

describe.skipIf(process.platform !== 'linux')('measuring a process tree', () => {
  it('counts the CPU time of the command and of a child that it waits for', async () => {
    const usage = await measureTree(
      run(`burn(300); spawn(process.execPath, ['-e', ${JSON.stringify(`${BURN} burn(300)`)}]);`),
    );
    expect(usage.exitCode).toBe(0);
    expect(usage.cpuSeconds).toBeGreaterThan(0.55);
    expect(usage.cpuSeconds).toBeLessThan(1.5);
  });

  it('waits for a detached process that outlives the command, and counts its CPU time', async () => {
    // The command stays until it has been seen with its child, as a command that runs a server does.
    const program = `spawn(process.execPath, ['-e', ${JSON.stringify(`${BURN} burn(1200)`)}], { detached: true, stdio: 'ignore' }).unref();
      setTimeout(() => undefined, 500);`;
    const usage = await measureTree(run(program));
    expect(usage.cpuSeconds).toBeGreaterThan(1.1);
    expect(usage.cpuSeconds).toBeLessThan(2.5);
  });

  it('reports the most memory that the command had, also when it gave it back', async () => {
    // It lives on for several samples: what it had is the kernel's figure, but only while it lives.
    const usage = await measureTree(run('{ Buffer.alloc(200e6, 1); } globalThis.gc?.(); setTimeout(() => {}, 1500);'));
    expect(usage.rootPeakBytes).toBeGreaterThan(200e6);
    expect(usage.peakBytes).toBeGreaterThanOrEqual(usage.rootPeakBytes);
  });

  it('tells how the command ended', async () => {
    expect((await measureTree(run('process.exit(3)'))).exitCode).toBe(3);
  });
});
