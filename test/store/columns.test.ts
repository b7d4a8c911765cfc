import { describe, expect, it } from 'vitest';
import { noModalityCounts } from '../../src/batch/modality.js';
import { StorageError } from '../../src/storage/storage.js';
import { readStagedManifest } from '../../src/store/manifest.js';
import { writePart } from '../../src/store/merge.js';
import { partialLines } from '../../src/store/partial-lines.js';
import { recoverChunk } from '../../src/store/recover.js';
import { assembleResults } from '../../src/store/results.js';
import { inputKey } from '../../src/store/run-directory.js';
import { readStoredSettings } from '../../src/store/settings.js';
import { summaryOf } from '../support/summary.js';
import { answer, append, DIRECTORY, failure, partInput, RUN, type StoreWorld, stage } from './store-world.js';

const LINES = [
  '{"prompt":"zero","columns":{"n":1.10,"big":12345678901234567890}}',
  '{"prompt":"one","columns":{ "id" : "x", "output":null}}',
  '{"prompt":"two"}',
  '{"prompt":7,"columns":{"why":"kept of an invalid line"}}',
  '!{"columns":{"a":1}',
  '{"prompt":"five","columns":{"deep":{"s":"}\\"{ \u2028"}}}',
];

async function partial({ storage }: StoreWorld): Promise<string[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of partialLines(storage, RUN)) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8').split('\n').slice(0, -1);
}

async function assembled(world: StoreWorld): Promise<string[]> {
  const chain = { namespace: 'n', firstRunId: 'r' };
  const input = { run: RUN, chain, chunks: 1, summary: summaryOf(RUN, 6) };
  await assembleResults(world.storage, input, { onPart: () => undefined, signal: new AbortController().signal });
  return Buffer.from(await world.storage.get(DIRECTORY.results))
    .toString('utf8')
    .split('\n')
    .slice(0, -1);
}

describe('columns of the input', () => {
  it('are in the results as they are written, of failed and invalid items too, and not in parts', async () => {
    const world = await stage(LINES);
    await append(world, answer(0), failure(1), answer(2), answer(5));
    const expected = [
      '{"id":1,"model":"m","output":"answer 0","tokens":3,"columns":{"n":1.10,"big":12345678901234567890}}',
      '{"id":2,"model":"m","error":"500: broken","columns":{ "id" : "x", "output":null}}',
      '{"id":3,"model":"m","output":"answer 2","tokens":3}',
      expect.stringMatching(
        /^\{"id":4,"model":null,"error":"invalid: .*","columns":\{"why":"kept of an invalid line"\}\}$/,
      ),
      expect.stringMatching(/^\{"id":5,"model":null,"error":"invalid: .*"\}$/),
      '{"id":6,"model":"m","output":"answer 5","tokens":3,"columns":{"deep":{"s":"}\\"{ \\u2028"}}}',
    ];
    expect(await partial(world)).toEqual(expected);
    await writePart(world.storage, partInput(world), () => undefined);
    expect(await partial(world)).toEqual(expected);
    expect(Buffer.from(await world.storage.get(DIRECTORY.part(0))).toString('utf8')).not.toContain(',"columns":');
    expect(await assembled(world)).toEqual(expected);
  });

  it('are those of the right items where others have not ended', async () => {
    const world = await stage(LINES);
    await append(world, answer(5));
    expect((await partial(world)).filter((line) => line.includes('output"'))).toEqual([
      '{"id":6,"model":"m","output":"answer 5","tokens":3,"columns":{"deep":{"s":"}\\"{ \\u2028"}}}',
    ]);
  });

  it('stand once in the line of an answer that was kept while failed items were asked again', async () => {
    const world = await stage(LINES.slice(0, 3));
    await append(world, answer(0), failure(1), answer(2));
    const { counts } = await writePart(world.storage, partInput(world), () => undefined);
    await recoverChunk(world.storage, { run: RUN, chunk: world.chunk, retryFailed: true }, () => undefined);
    await append(world, answer(1));
    await writePart(
      world.storage,
      partInput(world, { replace: true, counts: { ...counts, requests: 9 } }),
      () => undefined,
    );
    const lines = await assembled(world);
    expect(lines.map((line) => line.split('"columns"').length - 1)).toEqual([1, 1, 0]);
    expect(lines[1]).toBe('{"id":2,"model":"m","output":"answer 1","tokens":3,"columns":{ "id" : "x", "output":null}}');
  });

  it('are not read for an input that has none', async () => {
    const world = await stage(['zero', 'one']);
    await append(world, answer(0), answer(1));
    await writePart(world.storage, partInput(world), () => undefined);
    const { input } = await readStoredSettings(world.storage, RUN);
    await world.storage.remove([input]);
    expect(await assembled(world)).toHaveLength(2);
    expect(await readStagedManifest(world.storage, RUN)).toMatchObject({
      modalities: { ...noModalityCounts(), text: 2 },
    });
  });

  it('of a staged input that was damaged are an error, and no results', async () => {
    const world = await stage(LINES.slice(0, 3));
    await append(world, answer(0), answer(1), answer(2));
    await writePart(world.storage, partInput(world), () => undefined);
    const manifest = await readStagedManifest(world.storage, RUN);
    const key = inputKey(manifest?.sha256 ?? '');
    const text = Buffer.from(await world.storage.get(key)).toString('utf8');
    await world.storage.put(key, text.replace('"x"', '"y"'));
    await expect(assembled(world)).rejects.toThrow(StorageError);
    await expect(assembled(world)).rejects.toMatchObject({ code: 'DAMAGED' });
  });

  it('are joined however long the lines are', async () => {
    const lengths = [0, 2_000_000, 1, 2_500_000, 3];
    const world = await stage(
      lengths.map((length, at) => JSON.stringify({ prompt: 'p', columns: { at, text: 'é'.repeat(length) } })),
    );
    await append(world, ...lengths.map((_, item) => answer(item)));
    await writePart(world.storage, partInput(world), () => undefined);
    const lines = (await assembled(world)).map((line) => JSON.parse(line));
    expect(lines.map(({ columns }) => [columns.at, columns.text.length])).toEqual(
      lengths.map((length, at) => [at, length]),
    );
  });
});
