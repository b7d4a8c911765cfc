import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { FileStorage } from '../../../src/storage/file-storage.js';
import { Checksum } from '../../../src/store/checked-object.js';
import { putSealed } from '../../../src/store/json.js';
import { runDirectory } from '../../../src/store/run-directory.js';
import { type CommandResult, command } from '../../support/command.js';
import { storeRun } from '../../support/stored-run.js';

const RESULTS = Array.from({ length: 6 }, (_, item) => `{"id":${item + 1},"model":"m","output":"a","tokens":3}\n`);

/** Writes a run of six answers in two parts whose summary has a number that none can be. */
async function damagedRun(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'damaged-summary-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const storage = new FileStorage(folder);
  const item = () => ({ prompt: 'p', model: 'm', output: 'a', tokens: 3 });
  await storeRun(storage, { id: 'run', items: 6, chunkSize: 3, item });
  const { results, resultsRecord, summary, partFacts, partCounts } = runDirectory('run');
  const checksum = new Checksum();
  await storage.putStream(results, checksum.of(Readable.from(RESULTS.map((line) => Buffer.from(line)))));
  await putSealed(storage, resultsRecord, checksum.value());
  const whole = JSON.parse(Buffer.from(await storage.get(summary)).toString());
  await storage.put(summary, JSON.stringify({ ...whole, tokens: 1e308 }));
  await storage.put(partFacts(0), '{"version":1,"first":1e308}');
  await storage.put(partCounts(1), 'not JSON');
  return folder;
}

function run(folder: string, ...args: readonly string[]): Promise<CommandResult> {
  return command([...args, '--storage', folder, '--data-dir', folder]);
}

const WARNING = /^warning: .*summary\.json: it is damaged: tokens: [^\n]+\n/;

test('the results of a run whose summary cannot be read are there, and it is said what could not be read', async () => {
  const { code, stdout, stderr } = await run(await damagedRun(), 'results', 'run');
  expect([code, stdout]).toEqual([0, RESULTS.join('')]);
  expect(stderr).toMatch(WARNING);
});
