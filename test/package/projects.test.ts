import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { ROOT } from '../support/build.js';

const SOURCES = join(ROOT, 'test/package/project');
const SDK = ['activity', 'client', 'common', 'worker', 'workflow'];
const LOWEST = '1.17.5';
const versionSchema = z.object({ version: z.string() });
const NEWEST = sdkVersion(ROOT);

const packedSchema = z.tuple([z.object({ filename: z.string() })]);
const tmp = mkdtempSync(join(tmpdir(), 'dria-temporal-projects-'));
let tarball: string;
let simulator: Simulator;

beforeAll(async () => {
  const [packed] = packedSchema.parse(
    JSON.parse(await run(ROOT, 'npm', ['pack', '--json', '--pack-destination', tmp])),
  );
  tarball = join(tmp, packed.filename);
  simulator = await startSimulator();
});
afterAll(async () => {
  await simulator.close();
  rmSync(tmp, { recursive: true, force: true });
});

describe('a CommonJS project with the lowest SDK, the lowest TypeScript and Jest', () => {
  const folder = join(tmp, 'commonjs');
  const compile = (module: string, resolution: string) =>
    run(folder, 'npx', ['tsc', ...flags('out'), '--module', module, '--moduleResolution', resolution]);

  beforeAll(() => open(folder, { sdk: LOWEST, others: ['typescript@5.4.5', 'jest@30.2.0', '@types/node@20.19.43'] }));

  it('has one SDK, its own', async () => {
    expect(await sdkVersions(folder)).toEqual([LOWEST]);
  });

  it('compiles for commonjs and for node16, and runs batches in Jest', async () => {
    await compile('commonjs', 'node10');
    await compile('node16', 'node16');
    await run(folder, 'npx', ['jest'], environment());
  });

  it('has the command', async () => {
    const name = ['dria-temporal', '--version'];
    expect((await run(folder, 'npx', name)).trim()).toBe(versionIn(ROOT));
    const args = ['batch', 'prompts.jsonl', '-o', 'out.jsonl', '--data-dir', 'data', '--id', `command-${randomUUID()}`];
    await run(folder, 'npx', ['dria-temporal', ...args], environment());
    expect(readFileSync(join(folder, 'out.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3);
  });
});

describe('an ES module project with the newest SDK', () => {
  const folder = join(tmp, 'esm');
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const compile = (module: string, resolution: string) =>
    run(folder, process.execPath, [tsc, ...flags('out'), '--module', module, '--moduleResolution', resolution]);

  beforeAll(() => open(folder, { type: 'module', sdk: NEWEST, others: ['@types/node@20.19.43'] }));

  it('has one SDK, its own', async () => {
    expect(await sdkVersions(folder)).toEqual([NEWEST]);
  });

  it('compiles for a bundler and for nodenext, and runs batches', async () => {
    await compile('esnext', 'bundler');
    await compile('nodenext', 'nodenext');
    const output = await run(folder, process.execPath, ['main.mjs'], environment());
    expect(output.trim().split('\n').at(-1)).toBe('[3,3]');
  });

  it('refuses a worker of another copy of the SDK in words', async () => {
    const other = join(tmp, 'commonjs/node_modules/@temporalio/worker');
    writeFileSync(join(folder, 'other.mjs'), otherSdk(other));
    const output = await run(folder, process.execPath, ['other.mjs'], environment());
    expect(output).toContain(
      'the worker is of another copy of @temporalio/worker than the one that dria-temporal finds',
    );
  });
});

/** A program whose worker is of an SDK that dria-temporal does not find. */
function otherSdk(path: string): string {
  return `import { createRequire } from 'node:module';
import { DriaBatchPlugin } from 'dria-temporal';
const { NativeConnection, Worker } = createRequire(import.meta.url)(${JSON.stringify(path)});
const connection = await NativeConnection.connect({ address: process.env.ADDRESS });
const { TASK_QUEUE: taskQueue } = process.env;
const worker = await Worker.create({ connection, taskQueue, plugins: [new DriaBatchPlugin()] });
await worker.run().catch((error) => console.log(error.message));
process.exit();
`;
}

/** Makes a project that has the package installed beside an SDK. */
async function open(
  folder: string,
  { type, sdk, others }: { readonly type?: string; readonly sdk: string; readonly others: readonly string[] },
): Promise<void> {
  mkdirSync(folder);
  cpSync(SOURCES, folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type }));
  const prompts = [1, 2, 3].map((number) => JSON.stringify({ prompt: `prompt ${number}` }));
  writeFileSync(join(folder, 'prompts.jsonl'), `${prompts.join('\n')}\n`);
  const packages = [...SDK.map((name) => `@temporalio/${name}@${sdk}`), ...others];
  await run(folder, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball, ...packages]);
}

/** What the project's programs find in their environment: a server, a simulated network, an input of three items. */
function environment(): NodeJS.ProcessEnv {
  return {
    ADDRESS: inject('temporalAddress'),
    TASK_QUEUE: `package-${randomUUID()}`,
    INPUT: join(tmp, 'commonjs/prompts.jsonl'),
    DRIA_BASE_URL: simulator.url,
    DRIA_API_KEY: 'test-key',
    DRIA_TEMPORAL_STORAGE: join(tmp, 'storage'),
  };
}

function flags(out: string): string[] {
  const lib = ['--target', 'es2022', '--lib', 'es2023', '--types', 'node'];
  return ['workflows.ts', 'run.ts', ...lib, '--strict', '--skipLibCheck', '--outDir', out];
}

async function sdkVersions(folder: string): Promise<string[]> {
  const found = await run(folder, 'find', ['node_modules', '-path', '*/@temporalio/common/package.json']);
  return found
    .trim()
    .split('\n')
    .map((file) => versionIn(join(folder, file, '..')));
}

function sdkVersion(folder: string): string {
  return versionIn(join(folder, 'node_modules/@temporalio/worker'));
}

function versionIn(folder: string): string {
  return versionSchema.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).version;
}

/** Not synchronous: the simulated network is in this process. */
async function run(
  cwd: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { PATH, HOME } = process.env;
  return (await promisify(execFile)(program, args, { cwd, env: { PATH, HOME, ...env }, maxBuffer: 1 << 26 })).stdout;
}
