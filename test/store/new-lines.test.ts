import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { type Storage, StorageError } from '../../src/storage/storage.js';
import { type Cursor, moveCursor, readCursor } from '../../src/store/cursor.js';
import { readStagedManifest } from '../../src/store/manifest.js';
import { writePart } from '../../src/store/merge.js';
import { NewLines } from '../../src/store/new-lines.js';
import { recoverChunk } from '../../src/store/recover.js';
import { MemoryStorage } from '../support/memory-storage.js';
import {
  answer,
  append,
  DIRECTORY,
  FIVE,
  failure,
  fiveItems,
  openFolder,
  partInput,
  RUN,
  type StoreWorld,
  stage,
  stageIn,
} from './store-world.js';

type World = StoreWorld<Storage>;

/** Lines of the store's world: `1+` is the answer of the item with the id 1, `2-` its failure. */
type Given = readonly string[];

async function linesFrom({ storage, warnings }: World, cursor: Cursor): Promise<{ given: Given; next: NewLines }> {
  const manifest = await readStagedManifest(storage, RUN);
  if (manifest === undefined) throw new Error('the run is not staged');
  const next = new NewLines(storage, RUN, manifest, cursor, (warning) => warnings.push(warning));
  const lines = (await text(next.pieces())).split('\n');
  expect(lines.pop()).toBe('');
  expect(next.count).toBe(lines.length);
  const given = lines.map((line) => {
    const { id, error }: { id: number; error?: string } = JSON.parse(line);
    return `${id}${error === undefined ? '+' : '-'}`;
  });
  return { given, next };
}

/** What a call gives that ends well. */
async function call(world: World, name = 'default'): Promise<Given> {
  const { given, next } = await linesFrom(world, await readCursor(world.storage, RUN, name));
  if (next.hasMoved) expect(await moveCursor(world.storage, RUN, name, next.cursor)).toBe(true);
  return given;
}

async function finish(world: World, replace = false, requests = 0): Promise<void> {
  const counts = { ...NO_COUNTS, requests };
  await writePart(world.storage, partInput(world, { counts, ...(replace ? { replace } : {}) }), () => undefined);
}

async function retry({ storage, chunk }: World): Promise<void> {
  await recoverChunk(storage, { run: RUN, chunk, retryFailed: true }, () => undefined);
}

it('have the columns that their items have of the input', async () => {
  const world = await stage([
    '{"prompt":"a","columns":{"k":1.10}}',
    '{"prompt":"b"}',
    '{"prompt":"c","columns":{"k":"x"}}',
  ]);
  const text = async (): Promise<string> => {
    const manifest = await readStagedManifest(world.storage, RUN);
    if (manifest === undefined) throw new Error('the run is not staged');
    const next = new NewLines(world.storage, RUN, manifest, await readCursor(world.storage, RUN, 'c'), () => undefined);
    const pieces: Uint8Array[] = [];
    for await (const piece of next.pieces()) pieces.push(piece);
    await moveCursor(world.storage, RUN, 'c', next.cursor);
    return Buffer.concat(pieces).toString();
  };
  await append(world, answer(0), answer(1));
  expect((await text()).split('\n').map((line) => /"columns":(.*)}$/.exec(line)?.[1])).toEqual([
    '{"k":1.10}',
    undefined,
    undefined,
  ]);
  await append(world, failure(2));
  await finish(world);
  expect(await text()).toContain('"columns":{"k":"x"}');
});

describe('the new lines of a run', () => {
  it('are those of the items that have ended since the last call, in input order', async () => {
    const world = await fiveItems();
    expect(await call(world)).toEqual([]);
    await append(world, answer(3), failure(1));
    expect(await call(world)).toEqual(['2-', '4+']);
    await append(world, answer(0), answer(2));
    expect(await call(world)).toEqual(['1+', '3+']);
    expect(await call(world)).toEqual([]);
  });

  it('include invalid input lines once, though nothing else of the run is there', async () => {
    const world = await stage(['zero', '!bad', 'two']);
    expect(await call(world)).toEqual(['2-']);
    await append(world, answer(0), answer(2));
    expect(await call(world)).toEqual(['1+', '3+']);
    await finish(world);
    expect(await call(world)).toEqual([]);
  });

  it('are not given again when segments become a part', async () => {
    const world = await fiveItems();
    await append(world, answer(0), failure(1));
    expect(await call(world)).toEqual(['1+', '2-']);
    await append(world, answer(2), answer(3), answer(4));
    await finish(world);
    expect(await call(world)).toEqual(['3+', '4+', '5+']);
    expect(await call(world)).toEqual([]);
  });

  it('are the answers that a retry brings, also before its part is written', async () => {
    const world = await fiveItems();
    await append(world, failure(0), failure(1), answer(2), answer(3), answer(4));
    await finish(world);
    expect(await call(world)).toEqual(['1-', '2-', '3+', '4+', '5+']);
    await retry(world);
    expect(await call(world)).toEqual([]);
    await append(world, answer(0));
    expect(await call(world)).toEqual(['1+']);
    await append(world, failure(1));
    await finish(world, true, 2);
    expect(await call(world)).toEqual([]);
  });

  it('leave out what was given and lost since: the item that is asked again does not come twice', async () => {
    const world = await fiveItems();
    await append(world, ...[0, 1, 2, 3, 4].map((item) => answer(item)));
    await finish(world);
    expect(await call(world)).toHaveLength(5);
    await world.storage.put(DIRECTORY.part(0), 'damaged');
    await append(world, answer(2, { output: 'another' }));
    expect(await call(world)).toEqual([]);
  });

  it('wait for a part that is damaged to be written again', async () => {
    const world = await fiveItems();
    await append(world, ...[0, 1, 2, 3, 4].map((item) => answer(item)));
    await finish(world);
    const whole = await world.storage.get(DIRECTORY.part(0));
    await world.storage.put(DIRECTORY.part(0), 'damaged');
    expect(await call(world)).toEqual([]);
    expect(world.warnings).toEqual([expect.stringMatching(/parts\/0\.jsonl: it is damaged/)]);
    await world.storage.put(DIRECTORY.part(0), whole);
    expect(await call(world)).toHaveLength(5);
  });

  it('are known for each reader by itself', async () => {
    const world = await fiveItems();
    await append(world, answer(0));
    expect(await call(world, 'one')).toEqual(['1+']);
    await append(world, answer(1));
    expect(await call(world, 'two')).toEqual(['1+', '2+']);
    expect(await call(world, 'one')).toEqual(['2+']);
  });

  it('come whole, or not at all, if segments are merged while they are read', async () => {
    const world = await fiveItems();
    await append(world, ...[0, 1, 2, 3, 4].map((item) => answer(item)));
    const getRange = world.storage.getRange.bind(world.storage);
    let isMerged = false;
    world.storage.getRange = async (key, start, end) => {
      if (!isMerged && key.includes('/segments/')) {
        isMerged = true;
        await finish(world);
      }
      return await getRange(key, start, end);
    };
    const first = await call(world);
    expect(isMerged).toBe(true);
    expect([...first, ...(await call(world))]).toEqual(['1+', '2+', '3+', '4+', '5+']);
  });
});

describe('a cursor', () => {
  it('is refused to the later of two calls that began at the same place', async () => {
    const storage = await openFolder();
    const start = await readCursor(storage, RUN, 'c');
    const chunks = [{ final: '0', failed: '' }];
    expect(await moveCursor(storage, RUN, 'c', { ...start, chunks })).toBe(true);
    expect(await moveCursor(storage, RUN, 'c', { ...start, chunks: [] })).toBe(false);
    const one = await readCursor(storage, RUN, 'c');
    expect(one).toEqual({ move: 1, chunks });
    expect(await moveCursor(storage, RUN, 'c', one)).toBe(true);
    // The slow one comes when the place that it began at is gone.
    expect(await moveCursor(storage, RUN, 'c', { ...start, chunks: [] })).toBe(false);
    expect(await readCursor(storage, RUN, 'c')).toEqual({ move: 2, chunks });
    expect(await storage.list(DIRECTORY.cursors('c'))).toContain(`${DIRECTORY.cursors('c')}000000000002.json`);
  });

  it('that is damaged is named, and gives nothing', async () => {
    const storage = await openFolder();
    await moveCursor(storage, RUN, 'c', { move: 0, chunks: [] });
    const key = `${DIRECTORY.cursors('c')}000000000001.json`;
    await storage.put(key, '{"version":1,"chunks":[]}');
    const reading = readCursor(storage, RUN, 'c');
    await expect(reading).rejects.toThrow(StorageError);
    await expect(reading).rejects.toThrow(`${key}: it is damaged`);
  });
});

const step = fc.oneof(
  fc.record({ do: fc.constant('answer' as const), item: fc.nat(4) }),
  fc.record({ do: fc.constant('fail' as const), item: fc.nat(4) }),
  fc.record({ do: fc.constantFrom('call', 'killed', 'finish', 'retry', 'damage') }),
);

it('gives each item once and its answer once, whatever comes between and however many calls are killed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = await stageIn(new MemoryStorage(), FIVE);
      const given: string[] = [];
      let requests = 0;
      for (const next of steps) {
        switch (next.do) {
          case 'answer':
            await append(world, answer(next.item));
            break;
          case 'fail':
            await append(world, failure(next.item));
            break;
          case 'call':
            given.push(...(await call(world)));
            break;
          case 'killed':
            // Its lines may be out, or some of them; what counts is that the next call gives them.
            await linesFrom(world, await readCursor(world.storage, RUN, 'default'));
            break;
          case 'finish':
            await finish(world, true, ++requests).catch(() => undefined);
            break;
          case 'retry':
            await retry(world);
            break;
          case 'damage':
            if ((await world.storage.size(DIRECTORY.part(0))) !== undefined)
              await world.storage.put(DIRECTORY.part(0), '!');
        }
      }
      const { given: all } = await linesFrom(world, { move: 0, chunks: [] });
      given.push(...(await call(world)));
      expect(new Set(given).size).toBe(given.length);
      for (const line of all)
        expect(given.some((other) => other === line || other === line.replace('-', '+'))).toBe(true);
      for (const [at, line] of given.entries()) {
        // A failure never follows the answer of its item.
        if (line.endsWith('-')) expect(given.slice(0, at)).not.toContain(line.replace('-', '+'));
      }
      expect(await call(world)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
