import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

const BUILT = new URL('../../dist/storage/file-storage.js', import.meta.url).href;
const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

/** The calls that sync and rename, in the order in which some code with a `storage` makes them, with paths below the root. */
function callsOf(code: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-sync-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const root = join(folder, 'root');
  const trace = join(folder, 'trace');
  const script = `
    const { FileStorage } = await import(${JSON.stringify(BUILT)});
    const storage = new FileStorage(${JSON.stringify(root)});
    ${code}
  `;
  const calls = 'trace=fsync,fdatasync,rename,renameat,renameat2';
  execFileSync('strace', ['-f', '-y', '-e', calls, '-o', trace, process.execPath, '--input-type=module', '-e', script]);
  return readFileSync(trace, 'utf8')
    .split('\n')
    .flatMap((line) => /(fsync|fdatasync|rename)\w*\((.*)\)\s+= 0/.exec(line)?.slice(1, 3).join(' ') ?? [])
    .map((call) =>
      call
        .replaceAll(folder, '')
        .replaceAll(/\d+</g, '<')
        .replaceAll(/[0-9a-f-]{36}/g, '*'),
    );
}

describe.skipIf(!hasStrace)('what is written survives a power cut', () => {
  it('the content before its name, the name before it counts, and the folders that were made', () => {
    expect(callsOf("await storage.put('runs/mine/parts/0.jsonl', 'content');")).toEqual([
      'fsync </root>',
      'fsync <>',
      'fdatasync </root/.tmp/*>',
      'fsync </root/runs/mine>',
      'fsync </root/runs>',
      'fsync </root>',
      'rename "/root/.tmp/*", "/root/runs/mine/parts/0.jsonl"',
      'fsync </root/runs/mine/parts>',
    ]);
  });

  it('what is appended before its name, which is synced once', () => {
    const code = `
      const appender = storage.openAppend('log/a.jsonl');
      for (const line of ['one', 'two']) {
        await appender.append(line);
        await appender.sync();
      }
    `;
    expect(callsOf(code)).toEqual([
      'fsync </root>',
      'fsync <>',
      'fdatasync </root/log/a.jsonl>',
      'fsync </root/log>',
      'fdatasync </root/log/a.jsonl>',
    ]);
  });
});
