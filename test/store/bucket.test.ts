import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { parseS3Root } from '../../src/storage/s3-location.js';
import { S3Storage } from '../../src/storage/s3-storage.js';
import { ChunkLog } from '../../src/store/chunk-log.js';
import { readKeys } from '../../src/store/item-records.js';
import { putManifest } from '../../src/store/manifest.js';
import { writePart } from '../../src/store/merge.js';
import { recoverChunk } from '../../src/store/recover.js';
import { planReuse, takeOver } from '../../src/store/reuse.js';
import { listSegments } from '../../src/store/segments.js';
import { readStoredSettings } from '../../src/store/settings.js';
import { S3Server, s3Program } from '../support/s3-server.js';
import { until } from '../support/until.js';
import { answered, KeptRun } from './kept-runs.js';
import { answer, DIRECTORY, failure, RUN } from './store-world.js';

const program = s3Program();
const CHUNK = { chunk: 0, first: 0, layout: 't6' };

describe.skipIf(program === undefined)('a chunk in a bucket', { timeout: 60_000 }, () => {
  let server: S3Server;
  let roots = 0;
  beforeAll(async () => {
    server = await S3Server.start(program ?? '');
    Object.assign(process.env, server.env);
  }, 120_000);
  afterEach(() => server.link.disturb());
  afterAll(() => server.close());

  const open = (): S3Storage => new S3Storage(parseS3Root(server.root(`chunk-${++roots}`)), server.env);
  const log = (storage: S3Storage): ChunkLog => new ChunkLog(storage, RUN, 0, () => undefined);
  const requests = (): readonly string[] => server.link.seen.splice(0).filter((line) => line.includes('segments'));

  it('is read once an object, however often others have written', async () => {
    const storage = open();
    const [writer, reader] = [log(storage), log(storage)];
    for (const item of [0, 1, 2]) {
      await writer.append(answer(item));
      await writer.flush();
      requests();
      expect((await reader.earlier([0, 1, 2], { fresh: true })).size).toBe(item + 1);
      expect(requests().filter((line) => line.includes('.jsonl'))).toHaveLength(1);
    }
  });

  it('takes the answers of a run that is unfinished, and gives twins the line of their first', async () => {
    const storage = open();
    const old = await KeptRun.stage(storage, 'old', ['a', 'b', 'c']);
    await old.append(0, answered(0, 'A'), answered(2, 'C'));
    const run = await KeptRun.stage(storage, 'run', ['c', 'd', 'a', 'd', 'd'], { unique: true });
    const manifest = await run.manifest();
    const keys = await readKeys(storage, 'run', 0, manifest.items);
    const { signal } = new AbortController();
    const onWarn = (): void => undefined;
    const source = { run: 'old', manifest: await old.manifest() };
    const plan = await planReuse(storage, source, { items: manifest.items, keys, unique: true, onWarn, signal });
    const places = await readStoredSettings(storage, 'run');
    const take = { run: 'run', manifest, source: 'old', plan, places, detail: false, signal };
    await putManifest(storage, 'run', await takeOver(storage, take, onWarn));
    await run.append(0, answered(1, 'D'));
    expect(await run.writePart(0)).toMatchObject({ ok: 1, copied: 2 });
    expect((await run.assemble()).map(({ id, output }) => [id, output])).toEqual([
      [1, 'C'],
      [2, 'D'],
      [3, 'A'],
      [4, 'D'],
      [5, 'D'],
    ]);
  });

  it('is merged, opened again and merged anew', async () => {
    const storage = open();
    const [one, other] = [log(storage), log(storage)];
    for (const item of [5, 3, 1]) {
      await one.append(answer(item));
      await one.flush();
    }
    for (const record of [answer(0), failure(2), answer(4)]) await other.append(record);
    await Promise.all([one.close(), other.close()]);
    expect(await listSegments(storage, RUN, 0)).toHaveLength(4);
    const input = { run: RUN, chunk: CHUNK, detail: false, counts: NO_COUNTS };
    expect(await writePart(storage, input, () => undefined)).toMatchObject({ counts: { ok: 5, failed: 1 } });
    expect(await listSegments(storage, RUN, 0)).toEqual([]);
    const found = await recoverChunk(storage, { run: RUN, chunk: CHUNK, retryFailed: true }, () => undefined);
    expect(found).toMatchObject({ reopened: true, items: '0-1,3-5' });
    const again = log(storage);
    await again.append(answer(2));
    await again.close();
    const replaced = { ...input, replace: true, counts: { ...NO_COUNTS, requests: 1 } };
    expect(await writePart(storage, replaced, () => undefined)).toMatchObject({ counts: { ok: 6, failed: 0 } });
    const text = Buffer.from(await storage.get(DIRECTORY.part(0))).toString('utf8');
    const outputs = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).output]));
    expect(outputs).toEqual([0, 1, 2, 3, 4, 5].map((item) => `answer ${item}`));
  });

  it('waits for a store that is down, and loses nothing', async () => {
    const storage = open();
    const writer = log(storage);
    server.link.disturb({ method: 'PUT', kind: 'status-500', times: 1000 });
    await writer.append(answer(0));
    const flushed = writer.flush();
    await until('the PUT fails', async () => writer.failing !== undefined);
    await writer.append(answer(1));
    server.link.disturb();
    await flushed;
    await writer.flush();
    expect(writer.failing).toBeUndefined();
    expect((await log(storage).earlier([0, 1], { fresh: false })).size).toBe(2);
  });
});
