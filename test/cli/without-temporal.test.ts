import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import { Checksum } from '../../src/store/checked-object.js';
import { ChunkLog } from '../../src/store/chunk-log.js';
import { putSealed } from '../../src/store/json.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { ROOT } from '../support/build.js';
import { storeRun } from '../support/stored-run.js';

/** Makes every import of Temporal's packages fail in the process that loads it. */
const REFUSE = pathToFileURL(join(ROOT, 'test/support/refuse-temporal.mjs')).href;

/** The command line before it is bundled: the bundle has Temporal's packages in it, and loads them where this does. */
const COMMAND_LINE = join(ROOT, 'dist/cli/command-line.js');

/*
 * What lies in a run directory is read without a server: the commands that do so must not load Temporal's packages,
 * which take longer to load than the commands to run.
 */
describe('without the packages of Temporal', () => {
  let root: string;
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'dria-temporal-files-only-'));
    const storage = new FileStorage(root);
    const item = (index: number) => ({
      prompt: `prompt ${index}`,
      model: 'm',
      ...(index === 3
        ? { error: '500: broken' }
        : { output: `answer ${index}`, tokens: 3, at: 1_800_000_000_000, ms: 5 }),
    });
    const run = { items: 5, chunkSize: 2, item };
    await storeRun(storage, { ...run, id: 'ended' });
    const [ended, checksum] = [runDirectory('ended'), new Checksum()];
    await storage.putStream(ended.results, checksum.of(allParts(storage, 'ended', 3)));
    await putSealed(storage, ended.resultsRecord, checksum.value());
    await storeRun(storage, { ...run, id: 'open' });
    const open = runDirectory('open');
    await storage.remove([open.summary, open.part(1), open.partCounts(1), open.partFacts(1)]);
    const log = new ChunkLog(storage, 'open', 1, () => undefined);
    await log.append({ item: 2, id: 3, failure: { target: 'm', error: '503: none', attempts: 1, tried: ['m'] } });
    await log.close();
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  function command(...args: string[]): {
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  } {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, DRIA_TEMPORAL_STORAGE: root };
    return spawnSync(process.execPath, ['--import', REFUSE, COMMAND_LINE, ...args], { env, encoding: 'utf8' });
  }

  it.each<[string, readonly string[], number, RegExp]>([
    ['the results of a run that has ended', ['results', 'ended'], 3, /"output":"answer 4"/],
    ['what an open run has', ['results', 'open', '--partial'], 0, /"error":"503: none"/],
    ['the failed items of an open run', ['results', 'open', '--failed'], 0, /"prompt":"prompt 2","error":"503: none"/],
    ['a report', ['report', 'ended'], 0, /<html/],
    ['a report of an open run', ['report', 'open'], 0, /<html/],
    ['a completion script', ['completion', 'bash'], 0, /dria-temporal/],
    ['the words of a completion', ['__complete', '--', 'dria-temporal', 'res'], 0, /results/],
  ])('prints %s', (_what, args, status, expected) => {
    const ended = command(...args);
    expect(ended.stderr).not.toContain('@temporalio');
    expect([ended.status, ended.stdout]).toEqual([status, expect.stringMatching(expected)]);
  });

  it('refuses a command that needs them, so that this suite can fail', () => {
    expect(command('runs', '--address', '127.0.0.1:9').stderr).toContain('@temporalio');
  });
});

async function* allParts(storage: FileStorage, id: string, chunks: number): AsyncGenerator<Uint8Array> {
  for (let chunk = 0; chunk < chunks; chunk++) yield await storage.get(runDirectory(id).part(chunk));
}
