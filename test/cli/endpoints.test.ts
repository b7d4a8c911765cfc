import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CliWorld, MAIN } from '../support/cli.js';
import { NetworkProcess } from '../support/network-process.js';
import { readResults } from '../support/result-lines.js';
import { startWorker } from '../support/worker-command.js';

const KEYS = { HOUSE_KEY: 'key-of-the-house-nobody-may-see', CLOUD_KEY: 'key-of-the-cloud-nobody-may-see' };
const MODELS = [{ id: 'org/big', nodes: 1 }];

let world: CliWorld;
let cloud: NetworkProcess;
let file: string;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open({ models: MODELS, keys: [KEYS.HOUSE_KEY] });
  cloud = await NetworkProcess.start(MAIN, { models: MODELS, keys: [KEYS.CLOUD_KEY] });
  address = await world.keepServer();
  file = world.file(
    'endpoints.toml',
    `[house]\nbase_url = "${world.network.url}"\napi_key_env = "HOUSE_KEY"\nweight = 3\n
     [cloud]\nbase_url = "${cloud.url}"\napi_key_env = "CLOUD_KEY"\n`,
  );
});
afterAll(async () => {
  await cloud.close();
  await world.close();
});

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  world.run(args, { env: { ...KEYS, DRIA_API_KEY: undefined, DRIA_BASE_URL: undefined, ...env } });

test('a run asks the endpoints of a file, each with its own key, and no file of it has one', async () => {
  const output = world.path('results.jsonl');
  const ended = await run(['batch', world.prompts('several', 8), '-o', output, '--endpoints', file]);
  expect(ended.code, ended.stderr).toBe(0);
  const models = readResults(output).map(({ model }) => model);
  expect(models.filter((model) => model === 'house/org/big')).toHaveLength(6);
  expect(models.filter((model) => model === 'cloud/org/big')).toHaveLength(2);
  // The same by the variable is the same run.
  const again = await run(['batch', world.path('several.jsonl'), '-o', output], { DRIA_TEMPORAL_ENDPOINTS: file });
  expect(again.stderr).toContain('has ended already');
  const files = readdirSync(world.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { parentPath, name } of files) {
    expect(readFileSync(join(parentPath, name), 'latin1'), name).not.toMatch(/nobody-may-see/);
  }
});

test('a worker of a cluster has the keys of its file, and the command that starts a run none', async () => {
  const queue = ['--address', address, '-t', 'several'];
  const env = { ...KEYS, DRIA_API_KEY: undefined, DRIA_BASE_URL: undefined };
  const worker = await startWorker(world, [...queue, '--endpoints', file], { env });
  expect(worker.stderr).toContain('Worker for the endpoints house, cloud on task queue several;');
  const output = world.path('answers.jsonl');
  const batch = ['batch', world.prompts('elsewhere', 4), '-o', output, ...queue, '--endpoints', file];
  const ended = await world.run(batch, { env: { DRIA_API_KEY: undefined, DRIA_BASE_URL: undefined } });
  expect(ended.code, ended.stderr).toBe(0);
  expect(readResults(output)).toHaveLength(4);
});

test('the models of all endpoints are listed under the names that runs have for them', async () => {
  const ended = await run(['models', '--endpoints', file, '--json']);
  const ids = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).id);
  expect(ids).toEqual(['cloud/org/big', 'house/org/big']);
});

test.each([
  [['-m', 'org/bigg'], 'does not list the model org/bigg'],
  [['--base-url', 'http://127.0.0.1:1/v1'], '--endpoints and --base-url are both given'],
  [['--max-cost', '5'], '--max-cost: nobody has said the price of'],
  [['--max-credits', '5'], '--max-credits is about the balance of one endpoint'],
])('%j is refused before anything is spent', async (flags, words) => {
  const ended = await run(['batch', world.prompts('refused', 2), '--endpoints', file, ...flags]);
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
});

test('a dry run shows what each endpoint would get', async () => {
  const ended = await run(['batch', world.prompts('dry', 8), '--endpoints', file, '--dry-run', '--json']);
  expect(ended.code, ended.stderr).toBe(0);
  const { models } = JSON.parse(ended.stdout);
  const items = models.map(({ id, items }: { id: string; items: { text: number } }) => [id, items.text]);
  expect(items.sort()).toEqual([
    ['cloud/org/big', 2],
    ['house/org/big', 6],
  ]);
});

test('each endpoint is asked for its list and one token, and what it needs is said', async () => {
  await cloud.close();
  const odd = await NetworkProcess.start(MAIN, { models: MODELS, keys: [KEYS.CLOUD_KEY], quirks: ['reasoning-model'] });
  onTestFinished(() => odd.close());
  const path = world.file(
    'odd.toml',
    `[odd]\nbase_url = "${odd.url}"\napi_key_env = "CLOUD_KEY"\n[gone]\nbase_url = "${cloud.url}"\n`,
  );
  const ended = await run(['endpoints', 'check', '--endpoints', path, '--json']);
  const [first, second] = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(first).toMatchObject({ name: 'odd', models: 1, asked: 'org/big', answerMs: expect.any(Number), problems: [] });
  expect(first.profile).toContainEqual(expect.stringContaining('refuses temperature'));
  expect(second).toMatchObject({ name: 'gone', models: null, asked: null, answerMs: null });
  expect(second.problems).toContainEqual(expect.stringContaining('connection refused'));
  expect(ended.code).toBe(1);
});
