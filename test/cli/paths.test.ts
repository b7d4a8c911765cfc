import { readFileSync } from 'node:fs';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { resultLines } from '../support/result-lines.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({
    models: [
      { id: 'bge-m3', nodes: 2 },
      { id: 'qwen3.5:9b', nodes: 2 },
    ],
    rules: [
      { match: { promptIncludes: 'endless' }, respond: { status: 400, message: 'maximum context length is 8192' } },
    ],
  });
  await world.keepServer();
});
afterAll(() => world.close());
beforeEach(() => world.network.reset());

const lines = (path: string, items: readonly object[]): string =>
  world.file(path, items.map((item) => `${JSON.stringify(item)}\n`).join(''));

describe('lines of a batch file', () => {
  test('for /v1/embeddings go together, and come back as such a file', async () => {
    const items = Array.from({ length: 20 }, (_, at) => ({
      custom_id: `r-${at}`,
      method: 'POST',
      url: '/v1/embeddings',
      // No model: of those that are listed, the one that makes vectors.
      body: { input: at === 7 ? 'an endless text' : `text ${at}`, dimensions: 3 },
    }));
    const { code, stdout, stderr } = await world.run([
      'batch',
      lines('texts.jsonl', items),
      '--output-format',
      'openai',
      '--embed-batch',
      '8',
    ]);
    expect(code).toBe(3);
    const found = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(found.map(({ custom_id }) => custom_id)).toEqual(items.map(({ custom_id }) => custom_id));
    expect(found[7]).toMatchObject({ response: { status_code: 400 }, error: { code: '400' } });
    const vector = [expect.any(Number), expect.any(Number), expect.any(Number)];
    for (const { response } of found.toSpliced(7, 1)) {
      expect(response).toMatchObject({
        status_code: 200,
        body: { object: 'list', model: 'bge-m3', data: [{ embedding: vector }] },
      });
    }
    const { requests, answered } = await world.network.stats();
    // Three groups, one of them in halves three times over.
    expect({ requests, answered }).toEqual({ requests: 3 + 6, answered: 5 });
    expect(stderr).toMatch(/Requests +9 /);
    expect(stderr).toMatch(/Items +20 = 19 ok \+ 1 failed/);
  });

  test('of two paths, or with what a path has no place for, are refused before anything is sent', async () => {
    const input = lines('mixed.jsonl', [
      { custom_id: 'a', url: '/v1/responses', body: { input: 'x' } },
      { custom_id: 'b', url: '/v1/embeddings', body: { input: 'x' } },
    ]);
    const mixed = await world.run(['batch', input]);
    expect(mixed.code).toBe(2);
    expect(mixed.stderr).toMatch(/mixed\.jsonl:2: url: \/v1\/embeddings, but line 1 asks by \/v1\/responses/);
    const schema = await world.run(['batch', world.prompts('p', 1), '--api', 'embeddings', '--schema', 'a']);
    expect(schema).toMatchObject({ code: 2, stderr: expect.stringContaining('an embedding is no text') });
    expect((await world.network.stats()).requests).toBe(0);
  });
});

describe('--api', () => {
  test('embeddings makes a column of vectors, and asks for the same text once', async () => {
    const output = world.path('vectors.parquet');
    const input = lines('same.jsonl', [{ prompt: 'a' }, { prompt: 'b' }, { prompt: 'a' }]);
    const { code } = await world.run(['batch', input, '--api', 'embeddings', '-o', output]);
    expect(code).toBe(0);
    const rows = await parquetReadObjects({ file: Uint8Array.from(readFileSync(output)).buffer });
    expect(rows.map(({ embedding }) => embedding.length)).toEqual([64, 64, 64]);
    expect(rows[2]?.embedding).toEqual(rows[0]?.embedding);
    const inputs = (await world.network.requests()).map((request) => request.inputs ?? 0);
    expect(inputs.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  test('responses holds answers to a schema, with a system message and a picture', async () => {
    const item = { prompt: 'What is it?', system: 'Be brief.', attachment: 'https://host/a.png' };
    const { code, stdout } = await world.run([
      'batch',
      lines('pictures.jsonl', [item]),
      '--api',
      'responses',
      '--schema',
      'mood:good|bad',
      '--detail',
    ]);
    expect(code).toBe(0);
    expect(resultLines(stdout)).toMatchObject([
      { parsed: { mood: expect.stringMatching(/good|bad/) }, finish_reason: 'stop', prompt_tokens: expect.any(Number) },
    ]);
    expect(await world.network.requests()).toMatchObject([
      {
        path: '/v1/responses',
        system: 'Be brief.',
        format: 'json_schema',
        attachment: { kind: 'image' },
        maxTokens: 2048,
      },
    ]);
  });

  test('completions sends a prompt, and a dry run of embeddings counts no answers', async () => {
    const input = world.prompts('once', 2);
    const { stdout } = await world.run([
      'batch',
      input,
      '--api',
      'completions',
      '-m',
      'qwen3.5:9b',
      '--max-tokens',
      '3',
    ]);
    expect(resultLines(stdout)).toMatchObject([{ output: 'Simulated an' }, { output: 'Simulated an' }]);
    expect((await world.network.requests()).map(({ path }) => path)).toEqual(['/v1/completions', '/v1/completions']);
    const plan = await world.run(['batch', input, '--api', 'embeddings', '--dry-run', '--json']);
    expect(JSON.parse(plan.stdout)).toMatchObject({
      api: 'embeddings',
      completionTokensAtMost: 0,
      requests: { atLeast: 1 },
      models: [{ id: 'bge-m3' }],
    });
  });
});
