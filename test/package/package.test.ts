import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../support/build.js';

/** What a user may import, by entry. Types are not seen here. A name that goes away or comes in is a decision. */
const EXPORTS = {
  'dria-temporal': ['BatchClient', 'BatchHandle', 'DEFAULT_TASK_QUEUE', 'DriaBatchPlugin'],
  'dria-temporal/telemetry': ['globalTracing'],
  'dria-temporal/worker': ['createBatchWorker'],
  'dria-temporal/workflows': [
    'batchWorkflow',
    'chunkWorkflow',
    'pauseUpdate',
    'progressQuery',
    'resumeUpdate',
    'setUpdate',
  ],
};

const packedSchema = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })]);
const packageSchema = z.object({ version: z.string() });

const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-package-'));
let files: string[] = [];

function run(program: string, args: readonly string[], cwd = folder): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', shell: false });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** A script of a project that has the package installed. */
function script(code: string): string {
  writeFileSync(join(folder, 'script.mjs'), code);
  return run(process.execPath, ['script.mjs']);
}

beforeAll(() => {
  const [packed] = packedSchema.parse(JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], ROOT)));
  files = packed.files.map(({ path }) => path);
  writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(folder, packed.filename)]);
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package, installed in an empty folder', () => {
  const bin = (name: string) => join(folder, 'node_modules/.bin', name);
  const { version } = packageSchema.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));

  it.each(['dria-temporal', 'temporal-dria'])('runs as %s', (name) => {
    expect(run(bin(name), ['--version']).trim()).toBe(version);
    expect(run(bin(name), ['--help'])).toMatch(/\bbatch\b/);
  });

  it.each(Object.entries(EXPORTS))('exports from %s what it promises', (entry, names) => {
    const found = script(`console.log(JSON.stringify(Object.keys(await import('${entry}')).sort()));`);
    expect(JSON.parse(found)).toEqual(names);
  });

  it('keeps its inside to itself', () => {
    const code = script(`console.log(await import('dria-temporal/dist/client.js').catch((error) => error.code));`);
    expect(code.trim()).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('has the workflow bundle beside the worker', () => {
    expect(files).toContain('dist/workflow-bundle.js');
    expect(files).toContain('dist/workflow-bundle-otel.js');
    expect(files).toContain('dist/worker.js');
  });

  it('has no tests, sources or histories in it', () => {
    expect(files.filter((path) => !/^(dist\/|README\.md$|CHANGELOG\.md$|LICENSE$|package\.json$)/.test(path))).toEqual(
      [],
    );
  });
});
