import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../support/build.js';
import { CliWorld, MAIN } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';

const COMMANDS = [
  'batch',
  'attach',
  'status',
  'runs',
  'results',
  'pause',
  'resume',
  'cancel',
  'models',
  'worker',
  'server',
  'simulate',
  'completion',
];

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({
    models: [
      { id: 'small:1b', nodes: 1234, modality: 'text' },
      { id: 'eyes:2b', nodes: 7, modality: 'vision' },
      { id: 'gone:3b', nodes: 0, modality: 'text' },
    ],
    modalityField: 'modality',
  });
});
afterAll(() => world.close());

describe('help', () => {
  test.each([[[]], ...COMMANDS.map((command) => [[command]])])(
    'of %j fits 80 columns and has an example',
    async (args) => {
      const { code, stdout, stderr } = await world.run([...args, '--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
      expect(stdout).toMatch(/\nExample:\n[\s\S]* \$ [^\n]*dria-temporal /);
    },
  );

  test('names every command', async () => {
    const { stdout } = await world.run(['--help']);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
  });

  test('is what a call without a command gets, as an error', async () => {
    const { code, stdout, stderr } = await world.run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: dria-temporal');
  });

  test('gives the defaults that are promised', async () => {
    const { stdout } = await world.run(['batch', '--help']);
    const defaults = { concurrency: 10, retries: 3, 'max-tokens': 2048, temperature: 0.7, timeout: 120 };
    const words = stdout.replaceAll(/\s+/g, ' ');
    for (const [flag, value] of Object.entries(defaults)) {
      expect(words).toMatch(new RegExp(`--${flag} <[^>]+> [^<]*default: ${value}\\)`));
    }
  });
});

const manifestSchema = z.object({ version: z.string(), bin: z.record(z.string(), z.string()) });

describe('the package', () => {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')));

  test('says its version', async () => {
    expect((await world.run(['--version'])).stdout).toBe(`${manifest.version}\n`);
  });

  test('has temporal-dria as the same program, and `temporal dria` runs it with every flag', async () => {
    expect(manifest.bin['temporal-dria']).toBe(manifest.bin['dria-temporal']);
    mkdirSync(world.path('bin'));
    world.file('bin/temporal-dria', `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(world.path('bin/temporal-dria'), 0o755);
    const env = { PATH: `${world.path('bin')}:${world.env.PATH}` };
    const temporal = (...args: string[]) => world.spawn(world.env.TEMPORAL_CLI_PATH ?? '', ['dria', ...args], { env });
    const models = await temporal('models', '--json').ended;
    expect(models.stdout, models.stderr).toContain('"small:1b"');
    const output = world.path('through-temporal.jsonl');
    const batch = await temporal('batch', world.prompts('through', 2), '-c', '1', '-o', output, '--detail').ended;
    expect(batch.code, batch.stderr).toBe(0);
    expect(readResults(output)).toHaveLength(2);
    // What all commands of `temporal` have, which it puts before the command, and flags that it leaves where they are.
    const common = [
      '--output',
      'json',
      '--color',
      'never',
      '--log-level',
      'error',
      '--time-format',
      'iso',
      '--env',
      'default',
    ];
    const own = [
      '--api-key',
      'a-secret-key',
      '--grpc-meta',
      'team=a-secret-team',
      '--tls=false',
      '--codec-header',
      'x-a=1',
    ];
    const address = ['--address', await world.keepServer()];
    const runs = await temporal('runs', ...common, ...own, ...address, '--command-timeout', '60s').ended;
    expect(runs.code, runs.stderr).toBe(0);
    expect(JSON.parse(runs.stdout)).toMatchObject({ state: 'completed', input: world.path('through.jsonl') });
    expect(runs.stdout + runs.stderr).not.toContain('a-secret');
  });
});

describe('models', () => {
  test('are a table, most nodes first, without those that have none', async () => {
    const { code, stdout } = await world.run(['models']);
    expect(code).toBe(0);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/\s{2,}/));
    expect(rows).toEqual([
      ['MODEL', 'MODALITY', 'NODES'],
      ['small:1b', 'text', '1,234'],
      ['eyes:2b', 'vision', '7'],
    ]);
  });

  test('are a line of JSON each with --json', async () => {
    const { stdout } = await world.run(['models', '--json']);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { id: 'small:1b', modality: 'text', nodes: 1234 },
      { id: 'eyes:2b', modality: 'vision', nodes: 7 },
    ]);
  });
});

describe('runs and status', () => {
  beforeAll(async () => {
    await world.network.script({ match: { promptIncludes: 'second 2' }, respond: { status: 422 } });
    await world.run(['batch', world.prompts('first', 2), '--id', 'first']);
    await world.run(['batch', world.prompts('second', 2), '--id', 'second']);
  });

  test('tell of ended runs, newest first', async () => {
    const { stdout } = await world.run(['runs', '--json']);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .slice(0, 2)
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { id: 'second', state: 'completed', items: 2, ok: 1, failed: 1 },
      { id: 'first', state: 'completed', items: 2, ok: 2, failed: 0 },
    ]);
    expect((await world.run(['runs'])).stdout).toMatch(
      /^RUN .*\nsecond +completed +2 +1 +1 .*\nfirst +completed +2 +2 +0 /,
    );
  });

  test('tell of one run as text and as JSON', async () => {
    const json = await world.run(['status', 'second', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ id: 'second', state: 'completed', items: 2, ok: 1, failed: 1 });
    const { stdout } = await world.run(['status', 'second']);
    expect(stdout).toMatch(/second[\s\S]*completed[\s\S]*2 of 2[\s\S]*1 ok, 1 failed/);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('attach to an ended run gives its results again', async () => {
    const { code, stdout } = await world.run(['attach', 'first']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });
});
