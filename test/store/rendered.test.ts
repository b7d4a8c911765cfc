import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { FormatError, resultFormat } from '../../src/batch/output-format.js';
import { StorageError } from '../../src/storage/storage.js';
import { copyResults } from '../../src/store/copy-results.js';
import { renderedPartial, renderedResults } from '../../src/store/rendered.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { putSettings, readStoredSettings } from '../../src/store/settings.js';
import { LINES, SCHEMA, storeFormattedRun } from '../support/formatted-run.js';
import { answer, append, failure, fiveItems, openFolder, RUN } from './store-world.js';

const ID = 'run-1';

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of source) found.push(piece);
  return Buffer.concat(found);
}

async function stored(schema?: null) {
  const storage = await openFolder();
  await storeFormattedRun(storage, ID, schema === null ? { schema } : {});
  return storage;
}

describe('the results of a run in another format', () => {
  test('are rendered from those in the run directory', async () => {
    const storage = await stored();
    const as = async (output: string, flatten = false) =>
      await all(renderedResults(storage, ID, resultFormat(output, { flatten })));
    expect(String(await as('a.jsonl'))).toBe(`${LINES.join('\n')}\n`);
    expect(String(gunzipSync(await as('a.jsonl.gz')))).toBe(`${LINES.join('\n')}\n`);
    expect(String(await as('a.csv', true))).toBe(
      'id,model,output,mood,score,error,tokens\r\n1,m,{…},good,0.5,,3\r\n2,m,,,,503: no nodes available,\r\n' +
        '3,m,{…},"bad, ""very""",1,,4\r\n',
    );
    expect(JSON.parse(String(await as('a.json')))).toEqual(LINES.map((line) => JSON.parse(line)));
    const file = Uint8Array.from(await as('a.parquet')).buffer;
    expect(await parquetReadObjects({ file })).toMatchObject([
      { id: 1n, parsed: { mood: 'good', score: 0.5 }, error: null },
      { id: 2n, parsed: null, error: '503: no nodes available' },
      { id: 3n, tokens: 4n },
    ]);
  });

  test("know from the parts when OpenAI's lines were made, and why answers ended", async () => {
    const text = String(await all(renderedResults(await stored(), ID, resultFormat(undefined, { format: 'openai' }))));
    const lines = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(lines.map(({ response }) => response.body.created)).toEqual([1_800_000_000, undefined, 1_800_000_002]);
    expect(lines[2].response.body.choices[0].finish_reason).toBe('stop');
  });

  test('are refused before the first byte if they are damaged', async () => {
    const storage = await stored();
    await storage.put(runDirectory(ID).results, `${LINES[0]}\n`);
    let bytes = 0;
    const reading = async () => {
      for await (const piece of renderedResults(storage, ID, resultFormat('a.csv'))) bytes += piece.byteLength;
    };
    await expect(reading()).rejects.toThrow(StorageError);
    expect(bytes).toBe(0);
  });

  test('are refused if there is nothing to flatten', async () => {
    const flat = resultFormat('a.csv', { flatten: true });
    await expect(all(renderedResults(await stored(null), ID, flat))).rejects.toThrow(FormatError);
  });

  test('are copied to a path or a key, whole', async () => {
    const storage = await stored();
    await copyResults(storage, ID, { output: 'out/a.csv', format: resultFormat('out/a.csv') });
    const path = join(storage.root, 'b.csv.gz');
    await copyResults(storage, ID, { output: path, format: resultFormat(path) });
    expect(gunzipSync(await readFile(path))).toEqual(Buffer.from(await storage.get('out/a.csv')));
  });

  test.each(['a.csv', 'a.parquet', 'a.json.gz'])(
    'of %s end when they are not wanted any more, and leave nothing',
    async (output) => {
      const storage = await stored();
      const copying = copyResults(storage, ID, {
        output,
        format: resultFormat(output),
        signal: AbortSignal.abort('SIGINT'),
      });
      await expect(copying).rejects.toBe('SIGINT');
      expect(await storage.size(output)).toBeUndefined();
    },
  );
});

describe('the lines of a run so far in another format', () => {
  test('are those that there are, with the columns of the whole', async () => {
    const world = await fiveItems();
    await putSettings(world.storage, RUN, { ...(await readStoredSettings(world.storage, RUN)), schema: SCHEMA });
    await append(world, answer(3), failure(1));
    const csv = String(await all(renderedPartial(world.storage, RUN, resultFormat('a.csv', { flatten: true }))));
    expect(csv).toBe('id,model,output,mood,score,error,tokens\r\n2,m,,,,500: broken,\r\n4,m,answer 3,,,,3\r\n');
    const openai = String(await all(renderedPartial(world.storage, RUN, resultFormat('a', { format: 'openai' }))));
    expect(
      openai
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).custom_id),
    ).toEqual(['2', '4']);
  });

  test('stay those that were seen first while the run goes on', async () => {
    const world = await fiveItems();
    await append(world, answer(0));
    const rendering = renderedPartial(world.storage, RUN, resultFormat('a.csv'));
    const header = await rendering.next();
    await append(world, answer(1));
    const rest = await all(rendering);
    expect(`${header.value}${rest}`).toBe('id,model,output,error,tokens\r\n1,m,answer 0,,3\r\n');
  });
});
