import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { timesAsked } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';

/** A file system of a size that a test chooses. Making one is root's right. */
class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), 'dria-temporal-disk-'));

  constructor(bytes: number) {
    mount('-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this.path);
  }

  grow(bytes: number): void {
    mount('-o', `remount,size=${bytes}`, this.path);
  }

  close(): void {
    spawnSync('umount', ['-l', this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

function tryMount(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync('mount', args, { encoding: 'utf8' });
}

function mount(...args: string[]): void {
  const { status, stderr } = tryMount(...args);
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr}`);
}

function mayMount(): boolean {
  try {
    new SmallDisk(100_000).close();
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!mayMount())('the disk of the run directory', () => {
  let world: CliWorld;
  beforeAll(async () => {
    world = await CliWorld.open({ latency: { kind: 'fixed', ms: 100 } });
    await world.keepServer();
  });
  beforeEach(() => world.network.reset());
  afterAll(() => world.close());

  async function expectPaidOnce(name: string, items: number): Promise<void> {
    const answers = readResults(world.path(`${name}-results.jsonl`)).map(({ output }) => output);
    expect(answers).toEqual(Array.from({ length: items }, (_, at) => expect.stringContaining(`("${name} ${at + 1}")`)));
    const times = timesAsked(await world.network.requests());
    expect([times.size, Math.max(...times.values())]).toEqual([items, 1]);
  }

  test('is full: the run says so and waits, goes on when there is room, and pays nothing twice', async () => {
    const disk = new SmallDisk(60_000);
    try {
      const output = world.path('full-results.jsonl');
      const run = world.start(['batch', world.prompts('full', 300), '-o', output, '--storage', disk.path]);
      await run.said(/the disk is full/);
      expect(run.isRunning).toBe(true);
      disk.grow(50_000_000);
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(0);
      await expectPaidOnce('full', 300);
    } finally {
      disk.close();
    }
  });
});

describe('an output that cannot be written at the end', () => {
  let world: CliWorld;
  beforeAll(async () => {
    world = await CliWorld.open({ latency: { kind: 'fixed', ms: 100 } });
  });
  afterAll(() => world.close());

  test('leaves the results where they are, and says how to get them', async () => {
    const folder = world.path('out');
    mkdirSync(folder);
    const run = world.start(['batch', world.prompts('gone', 30), '-o', join(folder, 'results.jsonl'), '--id', 'gone']);
    await world.network.answered(5);
    rmSync(folder, { recursive: true });
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([1, expect.stringContaining('dria-temporal results gone -o')]);
    const output = world.path('gone-results.jsonl');
    expect((await world.run(['results', 'gone', '-o', output])).code).toBe(0);
    expect(readResults(output)).toHaveLength(30);
    expect((await world.network.stats()).requests).toBe(30);
  });
});
