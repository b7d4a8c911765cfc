import { readFile, rm } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { BatchInput } from '../../src/batch/run.js';
import { inputKey, runDirectory } from '../../src/store/run-directory.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, CHAIN, failureOf, RUN } from '../support/activity-env.js';

const directory = runDirectory(RUN);

async function open(): Promise<ActivityWorld> {
  return await ActivityWorld.open({ baseUrl: (await simulator()).url });
}

/** The key of the input that is staged. */
async function stagedInput(world: ActivityWorld): Promise<string> {
  return inputKey(JSON.parse(await world.text(directory.manifest)).sha256);
}

const refused = (world: ActivityWorld, batch: BatchInput) =>
  failureOf(world.run('readManifest', { run: RUN, chain: CHAIN, batch }));

describe('readManifest', () => {
  it('stages the input and tells the workflow what it needs', async () => {
    const world = await open();
    const prepared = await world.prepare(['zero', 'one', 'two'], { options: { chunkSize: 2, retries: 1 } });
    expect(prepared.manifest).toEqual({
      items: 3,
      modalities: { text: 3, vision: 0, audio: 0 },
      invalid: 0,
      reused: 0,
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

  it.each<[string, Omit<BatchInput, 'input'>]>([
    ['no .xlsx is written here', { output: 'answers.xlsx' }],
    ['the run has no schema', { output: 'answers.csv', flatten: true }],
    ['about output', { outputFormat: 'csv' }],
    ['Parquet is compressed inside', { output: 'answers.gz', outputFormat: 'parquet' }],
    ['outputFormat', { output: 'answers.csv', outputFormat: JSON.parse('"xml"') }],
  ])('refuses before anything is staged how results cannot be written: %s', async (words, batch) => {
    const world = await open();
    const failure = await refused(world, { input: '/nowhere/in.jsonl', ...batch });
    expect(failure).toMatchObject({
      type: 'InvalidInput',
      nonRetryable: true,
      message: expect.stringContaining(words),
    });
    expect(await world.storage.list('')).toEqual([]);
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
    const prepared = await world.run('readManifest', { run: RUN, chain: CHAIN, batch: { input: 'uploads/in.jsonl' } });
    expect(prepared.manifest.items).toBe(1);
  });

  it('reads files of several formats and folders, by patterns and keys, as one input', async () => {
    const world = await open();
    await world.file('in/b.csv', 'prompt,lang\n"two, too",en\n');
    await world.file('in/a.jsonl', '{"prompt":"one"}');
    await world.storage.put('uploads/3.json', '[{"prompt":"three"}]');
    await world.storage.put('uploads/4.jsonl.gz', gzipSync('{"prompt":"four"}\n'));
    const batch: BatchInput = {
      input: [`${world.folder}/in/*`, 'uploads/*'],
      read: { idFrom: '{{row}} of {{file}}' },
    };
    const prepared = await world.run('readManifest', { run: RUN, chain: CHAIN, batch });
    expect(prepared.manifest.items).toBe(4);
    const staged = (await world.text(await stagedInput(world))).replaceAll(`${world.folder}/`, '');
    expect(staged).toBe(
      '{"prompt":"one","id":"1 of in/a.jsonl"}\n{"prompt":"two, too","id":"1 of in/b.csv"}\n' +
        '{"prompt":"three","id":"1 of uploads/3.json"}\n{"prompt":"four","id":"1 of uploads/4.jsonl.gz"}\n',
    );
    const { attachments } = JSON.parse(await world.text(directory.settings));
    expect(attachments.folder).toBe(`${world.folder}/in`);
    expect(attachments.roots).toEqual([`${world.storage.root}/uploads`]);
    // A run that goes on reads its input again, or does without it.
    expect(await world.run('readManifest', { run: RUN, chain: CHAIN, batch })).toMatchObject({
      manifest: prepared.manifest,
    });
    await world.file('in/c.jsonl', '{"prompt":"five"}');
    const again = { run: RUN, chain: CHAIN, batch: { ...batch, retryFailed: true } };
    expect((await world.run('readManifest', again)).manifest).toEqual(prepared.manifest);
    expect(await refused(world, batch)).toMatchObject({ message: expect.stringContaining('another input') });
    await rm(`${world.folder}/in`, { recursive: true });
    expect((await world.run('readManifest', { run: RUN, chain: CHAIN, batch })).manifest).toEqual(prepared.manifest);
    expect(JSON.parse(await world.text(directory.settings)).attachments).toEqual(attachments);
  });

  it('takes what the caller has staged as it is', async () => {
    const world = await open();
    await world.prepare(['zero', 'one']);
    const prepared = await world.run('readManifest', {
      run: RUN,
      chain: CHAIN,
      batch: { input: await stagedInput(world) },
    });
    expect(prepared.manifest.items).toBe(2);
  });

  it('reports how far it is', async () => {
    const world = await open();
    const beats: unknown[] = [];
    const input = await world.file('large.jsonl', '{"prompt":"x"}\n'.repeat(300_000));
    await world.run(
      'readManifest',
      { run: RUN, chain: CHAIN, batch: { input } },
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

  it('puts nothing of the lines into the failure, which a history keeps', async () => {
    const world = await open();
    const lines = [
      'SECRET as a line',
      '{"prompt":"SECRET"',
      '{"prompt":"x","SECRET":1}',
      '{"prompt":"x","attachment":"SECRET.png"}',
      '{"prompt":"x","id":"SECRET"}\n{"prompt":"x","id":"SECRET"}',
      '{"prompt":"x","id":{"SECRET":"SECRET"}}',
    ];
    const input = await world.file('in.jsonl', lines.join('\n'));
    const failure = await refused(world, { input });
    expect(JSON.stringify(failure)).not.toContain('SECRET');
    expect(failure.message).not.toContain('SECRET');
    for (const line of [1, 2, 3, 4, 6, 7]) expect(failure.message).toContain(`in.jsonl:${line}: `);
  });

  it('puts nothing of the rows of a table into the failure either', async () => {
    const world = await open();
    const tables = [
      'prompt,id\n"",SECRET\n',
      'prompt,id\nx,SECRET\ny,SECRET\n',
      'prompt\nx,SECRET\n',
      'prompt\n"SECRET\n',
    ];
    for (const table of [...tables, 'SECRET;prompt\n', 'SECRET,SECRET\n']) {
      const failure = await refused(world, { input: await world.file('in.csv', table) });
      expect(failure.message).toMatch(/in\.csv(, (row|line) \d+)?[,:]/);
      expect(JSON.stringify(failure) + failure.message).not.toContain('SECRET');
    }
  });

  it.each<[string, (world: ActivityWorld) => Promise<BatchInput>, RegExp]>([
    [
      'a file that is not there',
      async ({ folder }) => ({ input: `${folder}/none.jsonl` }),
      /none\.jsonl: no such file/,
    ],
    ['a key that is not there', async () => ({ input: 'none.jsonl' }), /none\.jsonl/],
    ['a pattern that matches no file', async ({ folder }) => ({ input: `${folder}/*.csv` }), /no file matches it/],
    ['a pattern that matches no key', async () => ({ input: 'uploads/*.csv' }), /no object matches it/],
    ['no input', async () => ({ input: [] }), /input/],
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
});

it('a page of chunks stays small if each item is another than the one before', async () => {
  const world = await open();
  const lines = Array.from({ length: 30_000 }, (_, at) => (at % 2 === 0 ? { prompt: 'same' } : { prompt: `p${at}` }));
  await world.prepare(lines, { options: { chunkSize: 5_000, dedupe: 'always' } });
  const pages: number[] = [];
  for (let from = 0; from < 6; ) {
    const page = await world.run('readChunks', { run: RUN, from });
    expect(JSON.stringify(page).length).toBeLessThan(256_000);
    pages.push(page.chunks.length);
    from += page.chunks.length;
  }
  expect(pages.reduce((sum, chunks) => sum + chunks, 0)).toBe(6);
});

describe('a worker that takes only what is staged', () => {
  const SECRET = 'a line of somebody else';

  /** Another worker on the storage of a run that is staged. */
  async function openStaged(): Promise<{
    readonly world: ActivityWorld;
    readonly batch: BatchInput;
    readonly path: string;
  }> {
    const baseUrl = (await simulator()).url;
    const world = await ActivityWorld.open({ baseUrl });
    await world.prepare(['zero', 'one']);
    const path = await world.file('elsewhere/secret.txt', SECRET);
    const { attachments } = JSON.parse(await world.text(directory.settings));
    const batch = { input: await stagedInput(world), attachments };
    return { world: await world.beside({ baseUrl, stagedOnly: true }), batch, path };
  }

  it('takes a run that was staged with the same rules', async () => {
    const { world, batch } = await openStaged();
    expect((await world.run('readManifest', { run: RUN, chain: CHAIN, batch })).manifest.items).toBe(2);
  });

  it.each<[string, string, (staged: BatchInput, path: string) => BatchInput]>([
    ['an input by its path, under a new id', 'other', (_, path) => ({ input: path })],
    ['an input by its path, under the id of a run', RUN, (staged, path) => ({ ...staged, input: path })],
    ['the input of another run', 'other', (staged) => staged],
    ['a key that leads elsewhere', RUN, (staged) => ({ ...staged, input: '../elsewhere/secret.txt' })],
    ['no rules of attachments', RUN, ({ input }) => ({ input })],
    ['further folders', RUN, (staged) => ({ ...staged, attachments: { ...staged.attachments, roots: ['/'] } })],
    ['another folder', RUN, (staged) => ({ ...staged, attachments: { ...staged.attachments, folder: '/' } })],
    ['larger attachments', RUN, (staged) => ({ ...staged, attachments: { ...staged.attachments, maxBytes: 1e9 } })],
  ])('refuses %s, without a word of what is there', async (_, run, batchOf) => {
    const { world, batch, path } = await openStaged();
    const settings = await world.text(directory.settings);
    const failure = await failureOf(world.run('readManifest', { run, chain: CHAIN, batch: batchOf(batch, path) }));
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(failure.message).toContain('give its `batch` command again');
    expect(JSON.stringify(failure)).not.toContain(SECRET);
    expect(await world.text(directory.settings)).toBe(settings);
  });
});
