import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Cluster } from '../../bench/workers/cluster.js';

vi.mock('../../bench/rows/commands.js', () => ({ CLI: new URL('stand-in.mjs', import.meta.url).pathname }));

/** A folder with what its server says when it is up. */
function folderOf(says: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-cluster-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'says'), JSON.stringify(says));
  return folder;
}

function isThere(folder: string): boolean {
  try {
    return process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 0);
  } catch {
    return false;
  }
}

it('says that a worker was killed before it was ready, and stops without it', async () => {
  const folder = folderOf({ address: '127.0.0.1:1' });
  const cluster = await Cluster.start(folder, 'http://127.0.0.1:1');
  expect(isThere(folder)).toBe(true);
  await expect(cluster.addWorker(1)).rejects.toThrow('worker ended with SIGKILL');
  await cluster.stop();
  expect(isThere(folder)).toBe(false);
});

it('leaves no server behind that says no address', async () => {
  const folder = folderOf({});
  await expect(Cluster.start(folder, 'http://127.0.0.1:1')).rejects.toThrow('address');
  expect(isThere(folder)).toBe(false);
});
