import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { API_KEY, CliWorld, type Ended } from '../support/cli.js';

/** What is searched for the key: the key as it is, its secret part alone, and in the base64 of the authorization. */
const FORMS = [API_KEY, API_KEY.slice('dkn_live_'.length), Buffer.from(API_KEY).toString('base64').slice(0, -4)];

let world: CliWorld;
const said: Ended[] = [];
let address: string;

beforeAll(async () => {
  world = await CliWorld.open();
  address = await world.keepServer();
  await world.network.script(
    { match: { promptIncludes: 'cut' }, respond: { kind: 'reset' } },
    { match: { promptIncludes: 'refused' }, respond: { status: 422, message: 'no' } },
  );
  const fails = world.file('fails.jsonl', '{"prompt":"cut"}\n{"prompt":"refused"}\n{"prompt":"fine"}\n');
  said.push(await world.run(['batch', fails, '--detail', '--retries', '0', '--debug', '--id', 'secret']));
  await world.network.script({ respond: { status: 401, message: 'invalid API key' } });
  said.push(await world.run(['batch', world.prompts('refuses', 3), '--debug']));
  said.push(await world.run(['batch', world.prompts('json', 3), '--json']));
  said.push(await world.run(['models', '--base-url', 'http://127.0.0.1:1/v1', '--debug']));
});
afterAll(() => world.close());

test('the key is in nothing that a command says, whatever goes wrong', () => {
  expect(said.map(({ code }) => code)).toEqual([3, 1, 1, 1]);
  for (const { stdout, stderr } of said) expectNoKey(Buffer.from(`${stdout}${stderr}`));
});

test('the key is in no file: run directories, database and its log, state and logs of the server', () => {
  const files = readdirSync(world.dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(world.dataDir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  expect(files.some((path) => path.endsWith('temporal.db'))).toBe(true);
  expect(files.some((path) => path.endsWith('results.jsonl'))).toBe(true);
  const contents = files.map((path) => readFileSync(path));
  // What is in the history is there to be found: the search sees into the database.
  expect(contents.some((bytes) => bytes.includes(world.network.url))).toBe(true);
  for (const bytes of contents) expectNoKey(bytes);
});

test('the key is in no history', async () => {
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  const { workflow } = new Client({ connection });
  const histories: string[] = [];
  for await (const { workflowId, runId } of workflow.list()) {
    histories.push(textOf(await workflow.getHandle(workflowId, runId).fetchHistory()));
  }
  expect(histories.length).toBeGreaterThanOrEqual(4);
  expect(histories.some((text) => text.includes(world.network.url))).toBe(true);
  for (const text of histories) expectNoKey(Buffer.from(text));
});

/** All text of a history, that in payloads included. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textOf).join('');
}

function expectNoKey(bytes: Buffer): void {
  for (const form of FORMS) expect(bytes.includes(form)).toBe(false);
}
