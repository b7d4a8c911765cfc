import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTenants } from '../../../src/cli/tenants-file.js';
import { placesOfTenants } from '../../../src/tenants.js';
import { command } from '../../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-tenants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KEY = 'dkn_live_5ecret-of-acme';
const ENV = { ACME_KEY: KEY, GLOBEX_KEY: ' key-of-globex\n', ODD_KEY: 'two words', EMPTY_KEY: '' };
const ACME = { name: 'acme', namespaces: ['acme'], apiKeyEnv: 'ACME_KEY' };
const GLOBEX = { name: 'globex', taskQueues: ['globex'], namespaces: ['shared'], apiKeyEnv: 'GLOBEX_KEY' };

function file(content: unknown): string {
  const path = join(folder, 'tenants.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function problemOf(content: unknown): Promise<string> {
  const error: unknown = await readTenants(file(content), ENV).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'UserError', exitCode: 2 });
  return error instanceof Error ? error.message.replaceAll(folder, '') : '';
}

it('a table gives each tenant the key of its variable', async () => {
  const own = { baseUrl: 'https://llm.example/v1/', storage: join(folder, 'globex') };
  expect(await readTenants(file({ tenants: [ACME, { ...GLOBEX, ...own }] }), ENV)).toEqual([
    { name: 'acme', namespaces: ['acme'], apiKey: KEY },
    {
      ...{ name: 'globex', namespaces: ['shared'], taskQueues: ['globex'], apiKey: 'key-of-globex' },
      ...{ baseUrl: 'https://llm.example/v1', storage: own.storage },
    },
  ]);
});

describe('a table is refused by file and field, without a key in the message', () => {
  it.each<readonly [string, unknown, string]>([
    ['a key in the file', { tenants: [{ ...ACME, apiKey: KEY }] }, 'tenants[0]: Unrecognized key: "apiKey"'],
    [
      'a key for a variable',
      { tenants: [{ ...ACME, apiKeyEnv: KEY }] },
      'tenants[0].apiKeyEnv: it must be the name of',
    ],
    ['no variable', { tenants: [{ name: 'a', namespaces: ['a'] }] }, 'tenants[0].apiKeyEnv: '],
    [
      'a variable that is not set',
      { tenants: [ACME, { ...GLOBEX, apiKeyEnv: 'NO_KEY' }] },
      'tenants[1].apiKeyEnv: the environment variable NO_KEY is not set',
    ],
    ['an empty variable', { tenants: [{ ...ACME, apiKeyEnv: 'EMPTY_KEY' }] }, 'EMPTY_KEY is not set'],
    [
      'a key that no header holds',
      { tenants: [{ ...ACME, apiKeyEnv: 'ODD_KEY' }] },
      'ODD_KEY: the API key has a space',
    ],
    ['a place for nobody', { tenants: [{ ...ACME, namespaces: [] }] }, 'tenants[0].namespaces: '],
    ['a place for all', { tenants: [{ name: 'a', apiKeyEnv: 'ACME_KEY' }] }, 'a names no namespaces and no taskQueues'],
    ['two keys for one place', { tenants: [ACME, { ...ACME, name: 'b' }] }, 'acme and b share a namespace'],
    ['a base URL that is none', { tenants: [{ ...ACME, baseUrl: 'ftp://x' }] }, 'tenants[0].baseUrl: '],
    ['a storage that is none', { tenants: [{ ...ACME, storage: 'gs://x' }] }, 'tenants[0].storage: '],
    ['no tenants', { tenants: [] }, 'tenants: '],
    ['a list', [ACME], 'expected object'],
    ['text with a key in it', `{"tenants": [\n  {"apiKey": ${KEY}}\n]}`, 'it is not JSON'],
  ])('%s', async (_, content, words) => {
    const problem = await problemOf(content);
    expect(problem).toContain('/tenants.json: ');
    expect(problem).toContain(words);
    expect(problem).not.toContain('5ecret');
  });

  it('no file', async () => {
    await expect(readTenants(join(folder, 'none.json'), ENV)).rejects.toThrow(/none\.json cannot be read/);
  });
});

it('workers poll at each place of a tenant once, and where the command polls for who names no place of a kind', () => {
  const own = [
    { namespace: 'default', taskQueue: 'q' },
    { namespace: 'default', taskQueue: 'r' },
  ];
  const tenants = [
    { name: 'a', namespaces: ['n', 'm'], apiKey: 'k' },
    { name: 'b', taskQueues: ['s'], apiKey: 'k' },
    { name: 'c', namespaces: ['n'], taskQueues: ['q'], apiKey: 'k' },
  ];
  expect(placesOfTenants(tenants, own).map(({ namespace, taskQueue }) => `${namespace}/${taskQueue}`)).toEqual([
    ...['n/q', 'n/r', 'm/q', 'm/r', 'default/s'],
  ]);
});

it('the embedded server takes no table', async () => {
  const { code, stderr } = await command(['worker', '--tenants', file({ tenants: [ACME] })], ENV);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--address')]);
});
