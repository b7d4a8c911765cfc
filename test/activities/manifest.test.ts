import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { BatchInput } from '../../src/batch/run.js';
import { inputKey, runDirectory } from '../../src/storage/run-directory.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, failureOf, RUN } from '../support/activity-env.js';

const directory = runDirectory(RUN);

async function open(): Promise<ActivityWorld> {
  return await ActivityWorld.open({ baseUrl: (await simulator()).url });
}

/** The key of the input that is staged. */
async function stagedInput(world: ActivityWorld): Promise<string> {
  return inputKey(JSON.parse(await world.text(directory.manifest)).sha256);
}

const refused = (world: ActivityWorld, batch: BatchInput) => failureOf(world.run('readManifest', { run: RUN, batch }));

describe('readManifest', () => {
  it('stages the input and tells the workflow what it needs', async () => {
    const world = await open();
    const prepared = await world.prepare(['zero', 'one', 'two'], { options: { chunkSize: 2, retries: 1 } });
    expect(prepared.manifest).toEqual({
      items: 3,
      modalities: { text: 3, vision: 0, audio: 0 },
      invalid: 0,
      chunks: 2,
    });
    expect(prepared.options).toMatchObject({ chunkSize: 2, retries: 1, concurrency: 10, maxTokens: 2048 });
    expect(await world.text(await stagedInput(world))).toBe(await readFile(`${world.folder}/in.jsonl`, 'utf8'));
  });

  it('keeps the schema out of what goes into history', async () => {
    const world = await open();
    const schema = { type: 'object', title: 'keep me out' };
    const prepared = await world.prepare(['zero'], { options: { schema } });
    expect(JSON.stringify(prepared)).not.toContain('keep me out');
    expect(JSON.parse(await world.text(directory.settings)).schema).toEqual(schema);
  });

  it('may be done again, with the same result', async () => {
    const world = await open();
    const first = await world.prepare(['zero', 'one']);
    const manifest = await world.text(directory.manifest);
    expect(await world.prepare(['zero', 'one'])).toEqual(first);
    expect(await world.text(directory.manifest)).toBe(manifest);
  });

  it('reads an input that is a key under the storage root', async () => {
    const world = await open();
    await world.storage.put('uploads/in.jsonl', '{"prompt":"zero"}\n');
    const prepared = await world.run('readManifest', { run: RUN, batch: { input: 'uploads/in.jsonl' } });
    expect(prepared.manifest.items).toBe(1);
  });

  it('takes what the caller has staged as it is', async () => {
    const world = await open();
    await world.prepare(['zero', 'one']);
    const prepared = await world.run('readManifest', { run: RUN, batch: { input: await stagedInput(world) } });
    expect(prepared.manifest.items).toBe(2);
  });

  it('reports how far it is', async () => {
    const world = await open();
    const beats: unknown[] = [];
    const input = await world.file('large.jsonl', '{"prompt":"x"}\n'.repeat(300_000));
    await world.run(
      'readManifest',
      { run: RUN, batch: { input } },
      {
        heartbeatTimeoutMs: 60,
        onStart: (environment) => environment.on('heartbeat', (details) => beats.push(details)),
      },
    );
    expect(beats).toContainEqual({ bytes: expect.any(Number) });
  });

  it('lists every bad line and starts nothing', async () => {
    const world = await open();
    const input = await world.file(
      'in.jsonl',
      '{"prompt":"ok"}\nnot json\n{"prompt":""}\n{"prompt":"x","id":"a"}\n{"prompt":"x","id":"a"}\n',
    );
    const failure = await refused(world, { input });
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(failure.message.split('\n').slice(0, 3)).toEqual([
      expect.stringContaining('in.jsonl:2: '),
      expect.stringContaining('in.jsonl:3: prompt: '),
      expect.stringContaining('in.jsonl:5: id: '),
    ]);
    expect(await world.storage.list('')).toEqual([]);
  });

  it.each<[string, (world: ActivityWorld) => Promise<BatchInput>, RegExp]>([
    [
      'a file that is not there',
      async ({ folder }) => ({ input: `${folder}/none.jsonl` }),
      /none\.jsonl: no such file/,
    ],
    ['a key that is not there', async () => ({ input: 'none.jsonl' }), /none\.jsonl/],
    ['a key outside the storage', async () => ({ input: '../secret.jsonl' }), /secret\.jsonl is outside/],
    ['a folder', async ({ folder }) => ({ input: folder }), /is a directory/],
    ['an empty file', async (world) => ({ input: await world.file('empty.jsonl', '\n') }), /empty|no items|nothing/i],
    ['an unknown option', async () => ({ input: 'x', options: { retrys: 1 } as object }), /"retrys"/],
    ['an unknown field', async () => ({ input: 'x', roots: [] }) as BatchInput, /"roots"/],
    ['an option out of range', async () => ({ input: 'x', options: { concurrency: 0 } }), /options\.concurrency/],
    [
      'a schema that is none',
      async (world) => ({
        input: await world.file('in.jsonl', '{"prompt":"x"}'),
        options: { schema: { type: 'strin' } },
      }),
      /schema is not valid at \/type/,
    ],
  ])('refuses %s at once', async (_what, batch, message) => {
    const world = await open();
    const failure = await refused(world, await batch(world));
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(failure.message).toMatch(message);
  });

  it('refuses a run that is meant for another endpoint, before it reads anything', async () => {
    const world = await open();
    const failure = await refused(world, { input: '/none', endpoint: 'https://elsewhere.example/v1' });
    expect(failure).toMatchObject({ type: 'WrongEndpoint', nonRetryable: true });
    expect(failure.message).toContain('DRIA_BASE_URL=https://elsewhere.example/v1');
  });

  it('takes its own endpoint however it is written, and repeats none that may hold a secret', async () => {
    const world = await open();
    const written = world.endpoint.baseUrl.replace('http:', 'HTTP:');
    expect(await world.prepare(['zero'], { endpoint: `${written}/` })).toMatchObject({ manifest: { items: 1 } });
    const failure = await refused(world, { input: '/none', endpoint: 'https://me:hidden@elsewhere.example/v1' });
    expect(failure).toMatchObject({ type: 'WrongEndpoint', nonRetryable: true });
    expect(failure.message).toMatch(/^the run's endpoint: (?!.*hidden)/);
  });
});

describe('an id that had a run before', () => {
  it('is refused for another input: its results would be a mix of two', async () => {
    const world = await open();
    await world.prepare(['zero', 'one']);
    const other = await world.file('other.jsonl', '{"prompt":"other"}\n');
    for (const recover of [false, true]) {
      const failure = await refused(world, { input: other, recover });
      expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
      expect(failure.message).toMatch(/run-1 .*another input/);
    }
  });

  it('is refused without `recover` when there are answers: they would be asked again and then thrown away', async () => {
    const world = await open();
    await world.prepare(['zero', 'one']);
    await world.infer('0');
    const input = `${world.folder}/in.jsonl`;
    const failure = await refused(world, { input });
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(failure.message).toContain('recover');
    const prepared = await world.run('readManifest', { run: RUN, batch: { input, recover: true } });
    expect(prepared.manifest.items).toBe(2);
  });

  it('goes on with `recover` from what is staged when the input itself is gone', async () => {
    const world = await open();
    await world.prepare(['zero', 'one']);
    const batch = { input: `${world.folder}/gone.jsonl`, recover: true };
    expect((await world.run('readManifest', { run: RUN, batch })).manifest.items).toBe(2);
  });
});

describe('readChunks', () => {
  it('gives the chunks a page at a time, to the end', async () => {
    const world = await open();
    await world.prepare(
      Array.from({ length: 450 }, (_, index) => `prompt ${index}`),
      { options: { chunkSize: 1 } },
    );
    const seen: number[] = [];
    for (let from = 0; from < 450; ) {
      const { chunks } = await world.run('readChunks', { run: RUN, from });
      expect(chunks.length).toBeGreaterThan(0);
      for (const { chunk, first, layout } of chunks) {
        expect([first, layout]).toEqual([chunk, 't1']);
        seen.push(chunk);
      }
      from += chunks.length;
    }
    expect(seen).toEqual(Array.from({ length: 450 }, (_, index) => index));
    expect(await world.run('readChunks', { run: RUN, from: 450 })).toEqual({ chunks: [] });
  });

  it('fails for a run that was never read', async () => {
    const failure = await failureOf((await open()).run('readChunks', { run: 'nobody', from: 0 }));
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
  });
});
