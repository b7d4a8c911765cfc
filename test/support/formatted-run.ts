import { Readable } from 'node:stream';
import type { JsonSchema } from '../../src/batch/options.js';
import type { Storage } from '../../src/storage/storage.js';
import { Checksum } from '../../src/store/checked-object.js';
import { putSealed } from '../../src/store/json.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { putSettings, readStoredSettings } from '../../src/store/settings.js';
import { storeRun } from './stored-run.js';

/** The schema of the answers of {@link storeFormattedRun}. */
export const SCHEMA: JsonSchema = {
  type: 'object',
  properties: { mood: { type: 'string' }, score: { type: 'number' } },
  required: ['mood', 'score'],
};

/** The output lines of {@link storeFormattedRun}: two answers and a failed item between them. */
export const LINES = [
  '{"id":1,"model":"m","output":"{…}","parsed":{"mood":"good","score":0.5},"tokens":3}',
  '{"id":2,"model":"m","error":"503: no nodes available"}',
  '{"id":3,"model":"m","output":"{…}","parsed":{"mood":"bad, \\"very\\"","score":1},"tokens":4}',
];

/** Writes a run that has ended, in two chunks, with results; its answers are structured unless `schema` is null. */
export async function storeFormattedRun(
  storage: Storage,
  id: string,
  { schema = SCHEMA }: { readonly schema?: JsonSchema | null } = {},
): Promise<void> {
  const at = 1_800_000_000_000;
  await storeRun(storage, {
    id,
    items: LINES.length,
    chunkSize: 2,
    item: (item) => ({
      prompt: `p ${item}`,
      model: 'm',
      at: at + item * 1000,
      ms: 10,
      ...(item === 1 ? { error: '503: no nodes available' } : { output: '{…}', tokens: 3 }),
    }),
  });
  if (schema !== null) await putSettings(storage, id, { ...(await readStoredSettings(storage, id)), schema });
  const { results, resultsRecord } = runDirectory(id);
  const checksum = new Checksum();
  await storage.putStream(results, checksum.of(Readable.from([Buffer.from(`${LINES.join('\n')}\n`)])));
  await putSealed(storage, resultsRecord, checksum.value());
}
