import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { putSealed } from '../../src/store/json.js';
import { readResultsPage, streamOutputLines } from '../../src/store/prompts.js';
import { resultsRecordOf } from '../../src/store/run-directory.js';
import { MemoryStorage } from '../support/memory-storage.js';

const RESULTS = 'runs/r/results.jsonl';
const LINES = '{"id":1,"output":"an answer"}\n';

async function resultsOf(content: string): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  const sha256 = createHash('sha256').update(LINES).digest('hex');
  await storage.put(RESULTS, content);
  await putSealed(storage, resultsRecordOf(RESULTS), { bytes: LINES.length, sha256 });
  return storage;
}

async function all<T>(lines: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

it('results that are what was written are read line by line', async () => {
  expect(await all(streamOutputLines(await resultsOf(LINES), RESULTS))).toEqual([{ id: 1, output: 'an answer' }]);
});

it('results that are not what was written are found damaged when their lines are read', async () => {
  const storage = await resultsOf(LINES.replace('answer', 'ansper'));
  await expect(all(streamOutputLines(storage, RESULTS))).rejects.toMatchObject({ code: 'DAMAGED', key: RESULTS });
});

it('a line of results that is not JSON is damage, in a stream and in a page', async () => {
  const storage = await resultsOf(LINES.replace('{', '['));
  const damage = { code: 'DAMAGED', key: RESULTS };
  await expect(all(streamOutputLines(storage, RESULTS))).rejects.toMatchObject(damage);
  await expect(readResultsPage(storage, RESULTS, 0)).rejects.toMatchObject(damage);
});
