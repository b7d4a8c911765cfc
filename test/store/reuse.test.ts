import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askedAs, decodeLayout } from '../../src/batch/layout.js';
import { batchOptionsSchema } from '../../src/batch/options.js';
import { readKeys } from '../../src/store/item-records.js';
import { putManifest } from '../../src/store/manifest.js';
import { questionOf } from '../../src/store/owner.js';
import { partialLines } from '../../src/store/partial-lines.js';
import { readPartFacts } from '../../src/store/parts.js';
import { findReuseSource, lostReuse, planReuse, reopenChunks, takeOver } from '../../src/store/reuse.js';
import { inputKey, runDirectory } from '../../src/store/run-directory.js';
import { noteOrigin, runsOfOrigin } from '../../src/store/run-index.js';
import { MemoryStorage } from '../support/memory-storage.js';
import { answered, failed, KeptRun, parsedLines, type StageOptions } from './kept-runs.js';

const { signal } = new AbortController();

/** Stages a run and answers all its items with their prompts in capitals, some items excepted. */
async function finished(
  storage: MemoryStorage,
  id: string,
  prompts: readonly string[],
  options: StageOptions & { readonly failing?: readonly string[] } = {},
): Promise<KeptRun> {
  const run = await KeptRun.stage(storage, id, prompts, options);
  await finish(run, prompts, options.failing);
  return run;
}

async function finish(run: KeptRun, prompts: readonly string[], failing: readonly string[] = []): Promise<void> {
  for (const { chunk, first, layout } of (await run.manifest()).chunks) {
    const asked = decodeLayout(layout).flatMap((code, at) => (askedAs(code) === undefined ? [] : [first + at]));
    const records = asked.map((item) => {
      const prompt = prompts[item] ?? '';
      return failing.includes(prompt) ? failed(item) : answered(item, prompt.toUpperCase());
    });
    await run.append(chunk, ...records);
    await run.writePart(chunk);
  }
}

/** Takes over what a run can have of another. Returns the number of its answers. */
async function take(run: KeptRun, from: KeptRun): Promise<number> {
  const { storage, id, options } = run;
  const manifest = await run.manifest();
  const onWarn = (message: string): void => void run.warnings.push(message);
  const keys = await readKeys(storage, id, 0, manifest.items);
  const source = { run: from.id, manifest: await from.manifest() };
  const { unique = false, detail = false } = options;
  const plan = await planReuse(storage, source, { items: manifest.items, keys, unique, onWarn, signal });
  const places = {
    input: inputKey(manifest.sha256),
    attachments: { folder: '/dev/null', roots: [], maxBytes: 1, staged: false },
    groupPrefix: false,
  };
  const taken = await takeOver(storage, { run: id, manifest, source: from.id, plan, places, detail, signal }, onWarn);
  await putManifest(storage, id, taken);
  return taken.reused;
}

const layoutsOf = async (run: KeptRun): Promise<string[]> => (await run.manifest()).chunks.map(({ layout }) => layout);

describe('the answers of an earlier run', () => {
  it('are taken for the items that it has answered, in another order and under other ids; the rest is asked', async () => {
    const storage = new MemoryStorage();
    const old = await finished(storage, 'old', ['a', 'b', 'c', 'd', 'e', 'f']);
    const lines = [
      { prompt: 'f', id: 'six' },
      { prompt: 'new' },
      { prompt: 'a' },
      { prompt: 'e', id: 'five' },
      { prompt: 'b' },
    ];
    const run = await KeptRun.stage(storage, 'run', lines);
    expect(await take(run, old)).toBe(4);
    expect(await run.manifest()).toMatchObject({ items: 5, modalities: { text: 1 }, reused: 4, twins: 0 });
    expect(await layoutsOf(run)).toEqual(['T1t1T3']);
    const partial = await parsedLines(partialLines(storage, run.id));
    expect(partial.map(({ id }) => id)).toEqual(['six', 3, 'five', 5]);
    await run.append(0, answered(1, 'NEW'));
    expect(await run.writePart(0)).toMatchObject({ ok: 1, tokens: 3, copied: 0 });
    expect((await run.assemble()).map(({ id, model, output }) => [id, model, output])).toEqual([
      ['six', 'm', 'F'],
      [2, 'm', 'NEW'],
      [3, 'm', 'A'],
      ['five', 'm', 'E'],
      [5, 'm', 'B'],
    ]);
  });

  it('are never failures, nor what was asked after a change of its options', async () => {
    const storage = new MemoryStorage();
    const prompts = ['a', 'b', 'c', 'd', 'e'];
    const old = await KeptRun.stage(storage, 'old', prompts);
    await old.append(0, answered(0, 'A'), failed(1), answered(2, 'C', { changed: true }), answered(3, 'D'));
    await old.append(1, answered(4, 'E', { changed: true }));
    await old.writePart(0);
    const run = await KeptRun.stage(storage, 'run', prompts);
    expect(await take(run, old)).toBe(2);
    expect(await layoutsOf(run)).toEqual(['T1t2T1t1']);
  });

  it('are those so far of one that is unfinished, its own reused ones included', async () => {
    const storage = new MemoryStorage();
    const first = await finished(storage, 'first', ['a', 'b']);
    const second = await KeptRun.stage(storage, 'second', ['a', 'c', 'd', 'e', 'f', 'g']);
    expect(await take(second, first)).toBe(1);
    await second.append(0, answered(1, 'C'), failed(2));
    await second.append(1, answered(4, 'F'));
    const third = await KeptRun.stage(storage, 'third', ['g', 'f', 'e', 'd', 'c', 'a']);
    expect(await take(third, second)).toBe(3);
    expect(await layoutsOf(third)).toEqual(['t1T1t2T2']);
  });

  it('are taken again from a run that has taken them, with what was known of them', async () => {
    const storage = new MemoryStorage();
    const prompts = ['a', 'b', 'c'];
    const first = await KeptRun.stage(storage, 'first', prompts);
    await first.append(0, answered(0, 'A', { truncated: true }), answered(1, 'B'), answered(2, 'C'));
    await first.writePart(0);
    const second = await KeptRun.stage(storage, 'second', prompts);
    await take(second, first);
    await second.writePart(0);
    await storage.removeAll(runDirectory('first').prefix);
    const third = await KeptRun.stage(storage, 'third', [...prompts, 'd']);
    expect(await take(third, second)).toBe(3);
    await third.append(0, answered(3, 'D'));
    await third.writePart(0);
    expect((await third.assemble()).map(({ output }) => output)).toEqual(['A', 'B', 'C', 'D']);
    expect((await readPartFacts(storage, 'third', 0))?.truncated).toEqual([0]);
  });

  it('go to all items that are the same, or to one each if they are all to be asked', async () => {
    const storage = new MemoryStorage();
    const twice = await finished(storage, 'twice', ['a', 'b', 'a']);
    const all = await KeptRun.stage(storage, 'all', ['a', 'a', 'a', 'b', 'b']);
    expect(await take(all, twice)).toBe(3);
    expect(await layoutsOf(all)).toEqual(['T2t1T1t1']);
    const once = await KeptRun.stage(storage, 'once', ['a', 'a', 'a', 'b', 'c', 'c'], { unique: true });
    expect(await take(once, twice)).toBe(4);
    expect(await layoutsOf(once)).toEqual(['T4t1p1']);
    expect(await once.manifest()).toMatchObject({ modalities: { text: 1 }, twins: 1, reused: 4 });
  });

  it('are found where items that are the same have shared one', async () => {
    const storage = new MemoryStorage();
    const old = await finished(storage, 'old', ['a', 'a', 'b', 'a', 'b'], { unique: true });
    const run = await KeptRun.stage(storage, 'run', ['b', 'a', 'a'], { unique: true });
    expect(await take(run, old)).toBe(3);
    await run.writePart(0);
    expect((await run.assemble()).map(({ id, output }) => [id, output])).toEqual([
      [1, 'B'],
      [2, 'A'],
      [3, 'A'],
    ]);
  });

  it('lose the details that this run does not have', async () => {
    const storage = new MemoryStorage();
    const old = await KeptRun.stage(storage, 'old', ['a'], { detail: true });
    const result = { id: 1, model: 'm', output: 'A', tokens: 3, prompt_tokens: 1, node_id: null };
    await old.append(0, { item: 0, result });
    await old.writePart(0);
    for (const detail of [false, true]) {
      const run = await KeptRun.stage(storage, `detail-${detail}`, ['a'], { detail });
      await take(run, old);
      await run.writePart(0);
      expect(await run.assemble()).toEqual([detail ? result : { id: 1, model: 'm', output: 'A', tokens: 3 }]);
    }
  });

  it('are asked for again where that run is damaged, chunk by chunk', async () => {
    const storage = new MemoryStorage();
    const prompts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const old = await finished(storage, 'old', prompts);
    const part = Buffer.from(await storage.get(runDirectory('old').part(0)));
    part.write('X', part.indexOf('"A"') + 1);
    await storage.put(runDirectory('old').part(0), part);
    const keys = Buffer.from(await storage.get(runDirectory('old').keys));
    await storage.put(runDirectory('old').keys, keys.subarray(0, 8 * 24));
    const run = await KeptRun.stage(storage, 'run', prompts);
    expect(await take(run, old)).toBe(4);
    expect(await layoutsOf(run)).toEqual(['t4T4', 't1']);
    expect(run.warnings.join('\n')).toContain('answers of old are lost, and asked for again');
  });

  it('are asked for again if the copies of them are damaged or gone', async () => {
    const storage = new MemoryStorage();
    const prompts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    // Each chunk asks more than could be joined with another.
    const now = ['a', 'v', 'w', 'x', 'e', 'f', 'y', 'z', 'i', 'j', 'k', 'l'];
    const run = await KeptRun.stage(storage, 'run', now);
    await take(run, await finished(storage, 'old', prompts));
    expect(await layoutsOf(run)).toEqual(['T1t3', 'T2t2', 'T1t3']);
    const directory = runDirectory('run');
    const copy = Buffer.from(await storage.get(directory.reused(1)));
    copy.write('X', copy.indexOf('"E"') + 1);
    await storage.put(directory.reused(1), copy);
    await storage.remove([directory.reused(2)]);
    const manifest = await run.manifest();
    const lost = await lostReuse(storage, 'run', manifest, () => undefined);
    expect([...lost]).toEqual([1, 2]);
    expect(reopenChunks(manifest, lost)).toMatchObject({
      modalities: { text: 11 },
      reused: 1,
      chunks: [{ layout: 'T1t3' }, { layout: 't4' }, { layout: 't4' }],
    });
    await expect(run.writePart(1)).rejects.toThrow('not what was written');
  });

  it('leave few chunks: those that ask little are joined, with their invalid lines', async () => {
    const storage = new MemoryStorage();
    const prompts = Array.from({ length: 30 }, (_, at) => `prompt ${at}`);
    const old = await finished(storage, 'old', prompts);
    const lines = [...prompts, 'new', 'newer'].map((prompt, at) => (at % 7 === 3 ? { prompt: '' } : { prompt }));
    const run = await KeptRun.stage(storage, 'run', lines, { skipInvalid: true });
    const staged = await run.manifest();
    expect(staged.chunks).toHaveLength(8);
    expect(await take(run, old)).toBe(26);
    const [chunk, ...more] = (await run.manifest()).chunks;
    expect(more).toEqual([]);
    expect(chunk).toMatchObject({ chunk: 0, first: 0 });
    // What comes of a worker that was lost before it had written the manifest: it is done once more.
    await putManifest(storage, 'run', staged);
    expect(await take(run, old)).toBe(26);
    await run.append(0, answered(30, 'NEW'));
    expect(await run.writePart(0)).toMatchObject({ ok: 1, skipped: 5 });
    const results = await run.assemble();
    expect(results.map(({ id }) => id)).toEqual(lines.map((_, at) => at + 1));
    expect(results.flatMap(({ id, error }) => (error === undefined ? [] : [id]))).toEqual([4, 11, 18, 25, 32]);
  });

  it('are exactly those whose prompts are in both, one line for each item in the end', async () => {
    const prompt = fc.constantFrom(...'abcdefgh');
    const prompts = fc.array(prompt, { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(
        prompts,
        prompts,
        fc.boolean(),
        fc.boolean(),
        fc.subarray(['a', 'd']),
        async (before, now, one, two, failing) => {
          const storage = new MemoryStorage();
          const old = await finished(storage, 'old', before, { unique: one, failing });
          const run = await KeptRun.stage(storage, 'run', now, { unique: two, chunkSize: 3 });
          const reused = await take(run, old);
          const there = before.filter((text, at) => !failing.includes(text) && (!one || before.indexOf(text) === at));
          const expected = [...new Set(now)].reduce((sum, text) => {
            const [wanted, found] = [now, there].map((all) => all.filter((other) => other === text).length);
            return sum + (two && (found ?? 0) > 0 ? (wanted ?? 0) : Math.min(wanted ?? 0, found ?? 0));
          }, 0);
          expect(reused).toBe(expected);
          await finish(run, now);
          expect((await run.assemble()).map(({ id, output }) => [id, output])).toEqual(
            now.map((text, at) => [at + 1, text.toUpperCase()]),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('findReuseSource', () => {
  const question = (options: { temperature?: number; maxTokens?: number } = {}) =>
    questionOf({ sha256: 'other', endpoint: 'e', options: batchOptionsSchema.parse(options) });
  const find = (storage: MemoryStorage, from: string, more: { tenant?: string; temperature?: number } = {}) =>
    findReuseSource(
      storage,
      {
        run: 'me',
        from,
        origin: '/in.jsonl',
        question: question(more.temperature === undefined ? {} : { temperature: more.temperature }),
        mayTake: ({ tenant }) => tenant === more.tenant,
      },
      () => undefined,
    );

  it('finds a run by its id, and says in words what it was asked otherwise', async () => {
    const storage = new MemoryStorage();
    await KeptRun.stage(storage, 'old', ['a']);
    expect(await find(storage, 'old')).toMatchObject({ run: 'old' });
    expect(await find(storage, 'old', { temperature: 0 })).toEqual({
      refusal: 'old was asked otherwise: temperature 0.7, not 0',
    });
    expect(await find(storage, 'gone')).toEqual({ refusal: 'memory has no answers of a run gone' });
    expect(await find(storage, 'me')).toEqual({ refusal: 'me is this run itself' });
  });

  it('says of a run of another tenant what it says of none', async () => {
    const storage = new MemoryStorage();
    await KeptRun.stage(storage, 'theirs', ['a'], { tenant: 'acme' });
    expect(await find(storage, 'theirs')).toEqual({ refusal: 'memory has no answers of a run theirs' });
    expect(await find(storage, 'theirs', { tenant: 'acme' })).toMatchObject({ run: 'theirs' });
  });

  it('finds the newest run of an input that asks in the same way, but for the run itself and those that are gone', async () => {
    const storage = new MemoryStorage();
    expect(await find(storage, 'last')).toEqual({ refusal: 'memory has no earlier run of this input' });
    for (const [at, id] of ['older', 'same', 'hot', 'me', 'gone'].entries()) {
      if (id !== 'gone') await KeptRun.stage(storage, id, ['a'], { temperature: id === 'hot' ? 1 : 0.7 });
      await noteOrigin(storage, '/in.jsonl', id);
      await noteOrigin(storage, '/in.jsonl', id);
      const [key = ''] = (await storage.list('index/origins/')).filter((one) => !/\/0000000\d\d-/.test(one));
      // As if it was noted at another time.
      await storage.put(key.replace(/\/\w+-/, `/${String(at).padStart(9, '0')}-`), await storage.get(key));
      await storage.remove([key]);
    }
    const noted: string[] = [];
    for await (const id of runsOfOrigin(storage, '/in.jsonl')) noted.push(id);
    expect(noted).toEqual(['gone', 'me', 'hot', 'same', 'older']);
    expect(await find(storage, 'last')).toMatchObject({ run: 'same' });
    expect(await find(storage, 'last', { temperature: 0 })).toEqual({
      refusal: 'memory has no answers of a run gone',
    });
  });
});
