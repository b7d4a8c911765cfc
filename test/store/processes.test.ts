import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { ChunkLog } from '../../src/store/chunk-log.js';
import { readOutcomes } from '../../src/store/segments.js';
import { buildIfStale, ROOT } from '../support/build.js';
import { answer, DIRECTORY, openFolder, partInput, RUN, stage } from './store-world.js';

const DIST = join(ROOT, 'dist');
const script = (name: string): string => join(ROOT, 'test/store', name);

beforeAll(() => buildIfStale(), 300_000);

describe('a process that is killed while it appends', () => {
  it.each([1, 30, 300])('loses none of the outcomes it had acknowledged (at least %i)', async (wanted) => {
    const storage = await openFolder();
    const child = spawn(process.execPath, [script('child-writer.mjs'), DIST, storage.root, RUN], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const acknowledged: number[] = [];
    const exited = once(child, 'exit');
    for await (const line of createInterface(child.stdout)) {
      acknowledged.push(Number(line));
      if (acknowledged.length === wanted) child.kill('SIGKILL');
    }
    await exited;
    expect(child.signalCode).toBe('SIGKILL');
    const warnings: string[] = [];
    const index = await readOutcomes(storage, RUN, 0, (message) => warnings.push(message));
    expect(acknowledged.filter((item) => !index.answers.has(item))).toEqual([]);
    expect(warnings).toEqual([]);
    // The next process appends to a segment of its own.
    const log = new ChunkLog(storage, RUN, 0, () => undefined);
    await log.append(answer(1_000_000));
    await log.close();
    expect((await readOutcomes(storage, RUN, 0)).answers.size).toBe(index.answers.size + 1);
  });
});

describe('a chunk of large answers', () => {
  it('is merged in memory that does not grow with their bytes', { timeout: 300_000 }, async () => {
    const [items, bytes] = [40, 15_000_000];
    const world = await stage(Array.from({ length: items }, (_, item) => `prompt ${item}`));
    const log = new ChunkLog(world.storage, RUN, 0, () => undefined);
    for (let item = items - 1; item >= 0; item--) {
      await log.append(answer(item, { output: String(item % 10).repeat(bytes) }));
    }
    await log.close();
    const input = JSON.stringify(partInput(world));
    const printed = execFileSync(process.execPath, [script('child-merge.mjs'), DIST, world.storage.root, input]);
    const { ok, rss } = JSON.parse(printed.toString());
    expect(ok).toBe(items);
    expect(rss).toBeLessThan(400_000_000);
    let lines = 0;
    for await (const line of createInterface(createReadStream(world.storage.path(DIRECTORY.results)))) {
      if (line.length > bytes && line.startsWith(`{"id":${++lines},`)) continue;
      throw new Error(`line ${lines} is not the answer of its item`);
    }
    expect(lines).toBe(items);
  });
});
