import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { refused, STACK } from '../support/refused.js';

let world: CliWorld;
let input: string;
beforeAll(async () => {
  world = await CliWorld.open();
  input = world.prompts('good', 2);
});
afterAll(() => world.close());

describe('an option out of its range is named by its flag:', () => {
  test.each([
    ['--concurrency', '0'],
    ['--concurrency', '1.5'],
    ['--concurrency', '1000000'],
    ['--concurrency', 'many'],
    ['--retries', '-1'],
    ['--retries', '101'],
    ['--max-tokens', '0'],
    ['--temperature', '2.1'],
    ['--temperature', '-0.1'],
    ['--timeout', '0'],
    ['--timeout', 'soon'],
    ['--pack', '0'],
    ['--pack', '1001'],
    ['--priority', '6'],
    ['--priority', '1.5'],
    ['--heartbeat-timeout', '0'],
    ['--model', ''],
  ])('%s %s', async (flag, value) => {
    expect(await refused(world, ['batch', input, `${flag}=${value}`])).toContain(flag);
  });
});

describe('a schema is refused when', () => {
  test.each([
    ['', /--schema/],
    ['mood:', /--schema.*mood/],
    ['mood:colour', /--schema.*colour/],
    ['a,a', /--schema.*"?a"?/],
    [':number', /--schema/],
    ['a,,b', /--schema/],
  ])('--schema is "%s"', async (schema, says) => {
    expect(await refused(world, ['batch', input, '--schema', schema])).toMatch(says);
  });

  test.each([
    ['is no JSON', '{"type":', /not JSON/],
    ['is no object', '["type"]', /must be a JSON object/],
    ['is no schema', '{"type":"objekt"}', /schema is not valid at/],
    ['refers to nothing', '{"$ref":"#/nowhere"}', /nowhere/],
  ])('the schema file %s', async (_what, content, says) => {
    const file = world.file('schema.json', content);
    const said = await refused(world, ['batch', input, '--schema-file', file]);
    expect(said).toMatch(says);
    expect(said).toContain(`--schema-file ${file}`);
  });

  test('the schema file is not there', async () => {
    const said = await refused(world, ['batch', input, '--schema-file', world.path('none.json')]);
    expect(said).toMatch(/--schema-file.*none\.json cannot be read: no such file/);
  });

  test('both are given', async () => {
    const file = world.file('both.json', '{"type":"object"}');
    const said = await refused(world, ['batch', input, '--schema', 'a', '--schema-file', file]);
    expect(said).toContain('--schema and --schema-file are both given');
  });
});

describe('an output is refused when', () => {
  test('it is a folder, or in none', async () => {
    mkdirSync(world.path('folder'));
    const folder = await refused(world, ['batch', input, '-o', world.path('folder')]);
    expect(folder).toMatch(/output .*folder is a folder\nName a file: -o .*folder\/results\.jsonl/);
    const missing = await refused(world, ['batch', input, '-o', world.path('none/results.jsonl')]);
    expect(missing).toMatch(/folder .*none does not exist\nMake it first/);
    expect(readdirSync(world.path('folder'))).toEqual([]);
  });

  test('it is the input, also by another name', async () => {
    const before = readFileSync(input, 'utf8');
    expect(await refused(world, ['batch', input, '-o', input])).toContain('is the input file');
    expect(await refused(world, ['batch', input, '-o', './good.jsonl'], { cwd: world.folder })).toContain(
      'is the input',
    );
    expect(readFileSync(input, 'utf8')).toBe(before);
  });
});

describe('a command is refused when', () => {
  test.each([['a b'], ['../up'], [''], ['x'.repeat(201)]])('--id is "%s"', async (id) => {
    expect(await refused(world, ['batch', input, `--id=${id}`])).toMatch(/--id: letters, digits/);
  });

  test('a flag is unknown, and the one that may be meant is named', async () => {
    const said = await refused(world, ['batch', input, '--concurency', '3']);
    expect(said).toMatch(/unknown option '--concurency'/);
    expect(said).toContain('--concurrency');
  });

  test('it does not exist, or lacks its argument', async () => {
    expect(await refused(world, ['bach', input])).toMatch(/unknown command 'bach'[\s\S]*batch/);
    expect(await refused(world, ['batch'])).toMatch(/missing required argument 'input'/);
    expect(await refused(world, ['status'])).toMatch(/missing required argument 'id'/);
  });

  test.each([['left,right'], [''], [' ']])('--task-queue is "%s", which is no one queue', async (queue) => {
    const words = /--task-queue: ".*" is not the name of one queue\n.*DRIA_TEMPORAL_TASK_QUEUE/;
    for (const more of [[], ['--dry-run']]) {
      expect(await refused(world, ['batch', input, '-t', queue, ...more])).toMatch(words);
    }
    const env = { DRIA_TEMPORAL_TASK_QUEUE: queue };
    expect(await refused(world, ['batch', input], { env })).toMatch(words);
  });

  test('there is no key for the real network', async () => {
    const env = { DRIA_API_KEY: undefined, DRIA_BASE_URL: undefined };
    for (const args of [['batch', input], ['models'], ['worker']]) {
      expect(await refused(world, args, { env })).toMatch(/DRIA_API_KEY is not set\n.*dria-temporal simulate/);
    }
  });

  test('the base URL is none', async () => {
    for (const url of ['inference.dria.co', 'ftp://a.test', 'http://']) {
      const said = await refused(world, ['batch', input, '--base-url', url]);
      expect(said).toMatch(/^dria-temporal: --base-url: the base URL is not an http\(s\) URL\n.*like https:/);
    }
  });

  test.each([
    ['in its user info', 'https://me:s3cret@a.test/v1', /must not hold a user name or password\n.*DRIA_API_KEY/],
    ['in its query', 'https://a.test/v1?api-key=s3cret', /must not hold a query or a fragment\n.*DRIA_API_KEY/],
    ['in its fragment', 'https://a.test/v1#s3cret', /must not hold a query or a fragment\n.*DRIA_API_KEY/],
    ['before anything else', 'me:s3cret@a.test/v1', /is not an http\(s\) URL/],
  ])('the base URL has a secret %s, which is not repeated', async (_where, url, why) => {
    const said = await refused(world, ['batch', input, '--base-url', url]);
    expect(said).toMatch(why);
    expect(said).not.toContain('s3cret');
  });

  test.each([
    ['models'],
    ['batch --dry-run'],
    ['batch --address 127.0.0.1:1'],
    ['worker'],
    ['worker --address 127.0.0.1:1'],
    ['attach'],
    ['retry --address 127.0.0.1:1'],
  ])('the base URL has a secret in it: %s', async (line) => {
    const [name = '', ...flags] = line.split(' ');
    const args = [name, ...({ batch: [input], attach: ['some-run'], retry: ['some-run'] }[name] ?? []), ...flags];
    const url = 'https://a.test/v1?api-key=s3cret';
    const said = {
      '--base-url': await refused(world, [...args, '--base-url', url]),
      DRIA_BASE_URL: await refused(world, args, { env: { DRIA_BASE_URL: url } }),
    };
    for (const [given, words] of Object.entries(said)) {
      expect(words).toMatch(
        new RegExp(`^dria-temporal: ${given}: the base URL must not hold a query.*\\n.*DRIA_API_KEY`),
      );
      expect(words).not.toContain('s3cret');
    }
  });

  test('the Temporal profile or a certificate cannot be read', async () => {
    const none = world.path('none.toml');
    const profile = await refused(world, ['batch', input, '--profile', 'nobody', '--config-file', none]);
    expect(profile).toMatch(/profile/);
    const certificate = await refused(world, ['batch', input, '--address', 'a.test:1', '--tls-ca-path', none]);
    expect(certificate).toMatch(/--tls-ca-path: .*none\.toml cannot be read/);
  });
});

test('a stack trace comes with --debug, and only then', async () => {
  const said = await refused(world, ['batch', world.path('none.jsonl'), '--debug']);
  expect(said).toMatch(/none\.jsonl: no such file/);
  expect(said).toMatch(STACK);
});
