import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { ChunkLog } from '../../src/store/chunk-log.js';
import { ChunkLogs } from '../../src/store/chunk-logs.js';
import { type OutcomeRecord, outcomeLine } from '../../src/store/outcomes.js';
import { listSegments } from '../../src/store/segments.js';
import { FaultyStorage } from '../activities/faulty-storage.js';

const RUN = 'run-1';

async function folder(): Promise<FileStorage> {
  const path = await mkdtemp(join(tmpdir(), 'dria-chunk-log-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return new FileStorage(path);
}

function open(storage: Storage, warnings: string[] = []): ChunkLog {
  const log = new ChunkLog(storage, RUN, 0, (message) => warnings.push(message));
  onTestFinished(async () => {
    log.abandon();
    await log.close().catch(() => undefined);
  });
  return log;
}

function answer(item: number, output = 'text'): OutcomeRecord {
  return { item, at: 1, ms: 2, result: { id: item + 1, model: 'm', output, tokens: 3 } };
}

const failure = (item: number): OutcomeRecord => ({
  item,
  id: item + 1,
  failure: { target: 'm', error: '500: broken', attempts: 2, tried: ['m'] },
});

const failedTry = (item: number, attempt: number): OutcomeRecord => ({
  item,
  try: { target: 'm', error: '500: broken', attempt },
});

async function text(storage: FileStorage): Promise<string> {
  const keys = await listSegments(storage, RUN, 0);
  return Buffer.concat(await Promise.all(keys.map((key) => storage.get(key)))).toString('utf8');
}

describe('a chunk log', () => {
  it('has a record in its file when append resolves', async () => {
    const storage = await folder();
    const log = open(storage);
    await log.append(answer(0));
    expect((await text(storage)).replace(/"[0-9a-f]{8}"/, '"CRC"')).toBe(
      '{"item":0,"at":1,"ms":2,"result":{"id":1,"model":"m","output":"text","tokens":3},"crc":"CRC"}\n',
    );
  });

  it('creates no file before the first record', async () => {
    const storage = await folder();
    await open(storage).flush();
    expect(await storage.list('')).toEqual([]);
  });

  it('returns outcomes and tries of other workers, and of its own', async () => {
    const storage = await folder();
    const other = open(storage);
    await Promise.all([failedTry(0, 1), answer(0), failure(1), failedTry(2, 1)].map((record) => other.append(record)));
    await other.flush();
    const log = open(storage);
    void log.append(answer(3));
    const found = await log.earlier([0, 1, 2, 3, 4], { fresh: false });
    expect([...found.keys()]).toEqual([0, 1, 2, 3]);
    expect(found.get(0)).toMatchObject({ outcome: { result: { tokens: 3 } }, tries: [{ try: { attempt: 1 } }] });
    expect(found.get(1)).toMatchObject({ outcome: { failure: { error: '500: broken' } }, tries: [] });
    expect(found.get(2)?.outcome).toBeUndefined();
    expect(found.get(3)).toMatchObject({ outcome: { result: { id: 4 } } });
  });

  it('reads again only if asked, and then only what was appended since', async () => {
    const storage = await folder();
    const reads: string[] = [];
    const counting = new (class extends FaultyStorage {
      override async stream(key: string) {
        reads.push('stream');
        return await super.stream(key);
      }
      override async getRange(key: string, start: number, end: number) {
        const bytes = await super.getRange(key, start, end);
        reads.push(Buffer.from(bytes).toString('utf8'));
        return bytes;
      }
    })(storage, () => false);
    const other = open(storage);
    const log = open(counting);
    await other.append(answer(0));
    expect((await log.earlier([0, 1], { fresh: false })).size).toBe(1);
    await other.append(answer(1));
    expect((await log.earlier([0, 1], { fresh: false })).size).toBe(1);
    expect((await log.earlier([0, 1], { fresh: true })).size).toBe(2);
    expect(reads).toEqual(['stream', expect.stringMatching(/^\{"item":1,.*\n$/)]);
  });

  it('ignores a last line without line end, and reads it when it is whole', async () => {
    const storage = await folder();
    const warnings: string[] = [];
    const log = open(storage, warnings);
    const writer = storage.openAppend(`runs/${RUN}/chunks/0/segments/other.jsonl`);
    const line = outcomeLine(answer(0)).toString();
    await writer.append(line.slice(0, 30));
    expect((await log.earlier([0], { fresh: true })).size).toBe(0);
    await writer.append(line.slice(30));
    expect((await log.earlier([0], { fresh: true })).size).toBe(1);
    expect(warnings).toEqual([]);
    await writer.append(`garbage\n${outcomeLine(answer(1))}`);
    expect((await log.earlier([1], { fresh: true })).size).toBe(1);
    expect(warnings).toEqual([expect.stringContaining('the outcomes of 1 lines are lost')]);
    await writer.close();
  });

  it('retries a write that fails, holds back the next request, and loses nothing', async () => {
    const storage = await folder();
    let full = true;
    const warnings: string[] = [];
    const log = open(new FaultyStorage(storage, (call) => call === 'openAppend' && full), warnings);
    const appended = log.append(answer(0));
    await until(() => log.failing !== undefined);
    const later = log.append(answer(1));
    let isReady = false;
    const ready = log.ready().then(() => {
      isReady = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isReady).toBe(false);
    full = false;
    await Promise.all([appended, later, ready]);
    await log.flush();
    expect(log.failing).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect((await text(storage)).match(/\n/g)).toHaveLength(2);
  });

  it('stops waiting for a write that fails when the worker shuts down', async () => {
    const storage = await folder();
    const log = open(new FaultyStorage(storage, (call) => call === 'openAppend'));
    const controller = new AbortController();
    void log.append(answer(0));
    const flushed = log.flush(controller.signal);
    controller.abort();
    await expect(flushed).rejects.toThrow('the disk is full');
  });

  it('is shared by the packs of a chunk, and not by another execution', async () => {
    const storage = await folder();
    const logs = new ChunkLogs(storage, () => undefined);
    const [a, b, other] = [logs.join('x', RUN, 0), logs.join('x', RUN, 0), logs.join('y', RUN, 0)];
    expect(a.log).toBe(b.log);
    expect(other.log).not.toBe(a.log);
    for (const { leave } of [a, b, other]) leave();
    expect(logs.join('x', RUN, 0).log).toBe(a.log);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
