import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { resultLines } from '../support/result-lines.js';

const PICTURE = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));

let world: CliWorld;
beforeAll(async () => {
  const models = [
    { id: 'small:1b', nodes: 3, modality: 'vision+document' },
    { id: 'other:2b', nodes: 1, modality: 'text' },
  ];
  world = await CliWorld.open({ models, modalityField: 'modality' });
  await world.keepServer();
  world.file('one.png', PICTURE);
  world.file('two.pdf', '%PDF-1.4\n%%EOF\n');
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

function input(name: string, lines: readonly object[]): string {
  return world.file(name, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** The lines of a file, whatever their form. */
function linesIn(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** A file made for OpenAI's batches, whose lines name different models. */
function batchFile(name: string, ...models: (string | undefined)[]): string {
  return input(
    name,
    models.map((model, at) => ({
      custom_id: `r-${at + 1}`,
      method: 'POST',
      url: '/v1/chat/completions',
      body: { model, messages: [{ role: 'user', content: `Say ${at + 1}.` }] },
    })),
  );
}

test('lines that name a model which the endpoint does not list are named, with the names that it has', async () => {
  const path = batchFile('named.jsonl', 'small:1b', 'smal:1b', undefined, 'other:2b');
  const { code, stdout, stderr } = await world.run(['batch', path]);
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/named.jsonl:2: model: .* does not list the model smal:1b. Did you mean small:1b\?/);
  expect(stderr).toContain('Nothing was started');
  expect((await world.network.stats()).requests).toBe(0);
  expect(existsSync(`${world.dataDir}/runs`)).toBe(false);
});

test('a dry run shows items at the models that they name, and divides the others', async () => {
  const names = ['small:1b', 'other:2b', 'other:2b', undefined, undefined, undefined, undefined];
  const { code, stdout } = await world.run(['batch', batchFile('dry.jsonl', ...names), '--dry-run', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).models).toMatchObject([
    { id: 'small:1b', items: { text: 4 } },
    { id: 'other:2b', items: { text: 3 } },
  ]);
});

test('a file of OpenAI’s batches with several models runs unchanged, and each result says which', async () => {
  const output = world.path('openai.jsonl');
  const path = batchFile('mixed-models.jsonl', 'other:2b', 'none:1b', 'small:1b', 'other:2b');
  const args = ['batch', path, '-o', output, '--output-format', 'openai', '--skip-invalid'];
  const { code, stderr } = await world.run(args);
  expect(code, stderr).toBe(3);
  const model = (id: string) => ({ error: null, response: { status_code: 200, body: { model: id } } });
  expect(linesIn(output)).toMatchObject([
    { custom_id: 'r-1', ...model('other:2b') },
    { custom_id: 'r-2', error: { message: expect.stringContaining('does not list the model none:1b') } },
    { custom_id: 'r-3', ...model('small:1b') },
    { custom_id: 'r-4', ...model('other:2b') },
  ]);
});

test('failed items keep their attachments, messages, schemas and models, and can be run again from elsewhere', async () => {
  const part = { type: 'image_url', image_url: { url: 'one.png', detail: 'low' } };
  const lines = [
    { id: 'list', prompt: 'wrong 1', attachments: ['one.png', 'two.pdf'], model: 'small:1b' },
    { id: 'parts', messages: [{ role: 'user', content: [{ type: 'text', text: 'wrong 2' }, part] }] },
    { id: 'schema', prompt: 'wrong 3', schema: 'mood:good|bad', model: 'other:2b' },
  ];
  await world.network.script({ match: { promptIncludes: 'wrong' }, respond: { status: 422, message: 'no' } });
  const first = await world.run(['batch', input('failing.jsonl', lines), '--id', 'failing']);
  expect(first.code, first.stderr).toBe(3);
  await world.network.clearRules();
  mkdirSync(world.path('again'));
  const output = world.path('again/failed.jsonl');
  const { code, stderr } = await world.run(['results', 'failing', '--failed', '-o', output]);
  expect(code, stderr).toBe(0);
  expect(linesIn(output)).toMatchObject([
    { ...lines[0], attachments: [world.path('one.png'), world.path('two.pdf')] },
    { messages: [{ content: [{}, { ...part, image_url: { url: world.path('one.png'), detail: 'low' } }] }] },
    { id: 'schema', prompt: 'wrong 3', schema: { properties: { mood: { enum: ['good', 'bad'] } } }, model: 'other:2b' },
  ]);
  const command = ['batch', output, '--attachments-root', world.folder];
  expect(stderr).toContain(`dria-temporal ${command.join(' ')}\n`);
  const again = await world.run(command);
  expect(again.code, again.stderr).toBe(0);
  expect(resultLines(again.stdout)).toMatchObject([
    { id: 'list', model: 'small:1b', output: expect.stringMatching(/with image .*with file/) },
    { id: 'parts', output: expect.stringContaining('with image') },
    { id: 'schema', model: 'other:2b', parsed: { mood: expect.stringMatching(/good|bad/) } },
  ]);
});
