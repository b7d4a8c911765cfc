import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../support/build.js';

/** The values that a user may import, by entry. A name that goes away or comes in is a decision. */
const EXPORTS = {
  'dria-temporal': [
    'BatchClient',
    'BatchHandle',
    'DEFAULT_TASK_QUEUE',
    'DriaBatchPlugin',
    'StorageError',
    'batchFailureOf',
    'readResults',
    'stagePrompts',
    'storageOf',
  ],
  'dria-temporal/nexus': ['batchService'],
  'dria-temporal/telemetry': ['globalTracing'],
  'dria-temporal/worker': ['createBatchWorker'],
  'dria-temporal/workflows': [
    'batchFailureOf',
    'batchWorkflow',
    'chunkWorkflow',
    'pauseSignal',
    'pauseUpdate',
    'progressQuery',
    'readResults',
    'resumeSignal',
    'resumeUpdate',
    'setSignal',
    'setUpdate',
    'stagePrompts',
  ],
};

/** The types beside them. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  'dria-temporal': [
    'AnswerTimes',
    'ApiName',
    'Appender',
    'AttachmentOptions',
    'BatchFailure',
    'BatchFailureFacts',
    'BatchInput',
    'BatchOptionsInput',
    'BatchResult',
    'BatchSchedule',
    'BatchScheduleDescription',
    'BatchScheduleOptions',
    'BatchSchedules',
    'CanaryProgress',
    'ChatMessage',
    'DriaBatchPluginOptions',
    'Dedupe',
    'EndState',
    'EndpointProgress',
    'EndpointRules',
    'EndpointWait',
    'InputFormat',
    'InputLine',
    'JsonSchema',
    'LastFailure',
    'Modality',
    'ModelProgress',
    'NotifyOptions',
    'OptionField',
    'OutputFormat',
    'OutputLine',
    'OwnBatchFailure',
    'OwnHeaders',
    'PausedBy',
    'Preference',
    'Price',
    'Progress',
    'PromptItem',
    'PromptsOptions',
    'Rates',
    'ReadOptions',
    'RequestBody',
    'RequestForm',
    'RunChange',
    'RunExecution',
    'RunEvent',
    'RunEventData',
    'RunEventType',
    'RunNotice',
    'RunState',
    'RunSummary',
    'SpentCredits',
    'Spending',
    'StartBatch',
    'Storage',
    'StorageErrorCode',
    'StorageOption',
    'Tenant',
    'WebhookHosts',
    'WebhookOptions',
    'WorkerEndpoint',
  ],
  'dria-temporal/nexus': ['RunOperationInput'],
  'dria-temporal/telemetry': ['Tracing'],
  'dria-temporal/worker': ['BatchWorkerOptions', 'WorkerVersion'],
  'dria-temporal/workflows': ['BatchFailure', 'ChatMessage', 'InputLine', 'OutputLine', 'PromptItem', 'PromptSteps'],
};

/** Types that every program has. */
const GLOBAL_TYPES = [
  'AsyncGenerator',
  'AsyncIterable',
  'Date',
  'Error',
  'ErrorOptions',
  'Iterable',
  'Partial',
  'NodeJS',
  'Omit',
  'Pick',
  'ProcessEnv',
  'Promise',
  'Readonly',
  'Record',
  'Uint8Array',
];

const packedSchema = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })]);
const packageSchema = z.object({
  version: z.string(),
  exports: z.record(z.string(), z.union([z.string(), z.object({ import: z.object({ types: z.string() }) })])),
  dependencies: z.record(z.string(), z.string()),
  peerDependencies: z.record(z.string(), z.string()),
});

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

interface Declared {
  readonly name: string;
  /** Its declaration without comments, except that a field which has one begins with `commented`. */
  readonly text: string;
  /** Types that its file imports from packages. */
  readonly imported: readonly string[];
}

/** Returns what an entry's declarations export, wherever it is declared. */
function declaredIn(types: string): Declared[] {
  const file = join(folder, 'node_modules/dria-temporal', types);
  const text = readFileSync(file, 'utf8')
    .replace(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*(?=readonly )/g, 'commented ')
    .replace(/\/\*(?:(?!\*\/)[\s\S])*\*\//g, '');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}(?: from '(.+)\.js')?/gm)];
  const elsewhere = lists.flatMap(([, names = '', from]) => {
    const wanted = names.match(/\w+(?=\s*(?:,|$))/g) ?? [];
    const declared = from === undefined ? [] : declaredIn(join(dirname(types), `${from}.d.ts`));
    return wanted.map((name) => declared.find((known) => known.name === name) ?? { name, text: '', imported: [] });
  });
  const imports = [...text.matchAll(/^import (?:type )?\{([^}]*)\} from '[^.].*'/gm)];
  const imported = imports.flatMap(([, names = '']) => names.match(/\w+/g) ?? []);
  const here = text.split(/^(?=(?:export|import|declare|interface|type) )/m).flatMap((declaration) => {
    const name = /^export (?:declare )?(?:interface|type|function|class|const) (\w+)/.exec(declaration)?.[1];
    return name === undefined ? [] : [{ name, text: declaration, imported }];
  });
  return [...elsewhere, ...here];
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
  const { version, exports, dependencies, peerDependencies } = packageSchema.parse(
    JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')),
  );

  const declared = (entry: string): Declared[] => {
    const found = exports[entry.replace('dria-temporal', '.')];
    if (typeof found !== 'object') throw new Error(`${entry} has no types`);
    return declaredIn(found.import.types);
  };

  it('leaves the version of the Temporal SDK to its user', () => {
    expect(Object.keys(dependencies).filter((name) => name.startsWith('@temporalio/'))).toEqual([]);
    const { 'nexus-rpc': _sdks, ...sdk } = peerDependencies;
    expect(new Set(Object.values(sdk))).toEqual(new Set(['^1.17.5']));
  });

  it.each(['dria-temporal', 'temporal-dria'])('runs as %s', (name) => {
    expect(run(bin(name), ['--version']).trim()).toBe(version);
    expect(run(bin(name), ['--help'])).toMatch(/\bbatch\b/);
  });

  it.each(Object.entries(EXPORTS))('exports from %s what it promises', (entry, names) => {
    const found = script(`console.log(JSON.stringify(Object.keys(await import('${entry}')).sort()));`);
    expect(JSON.parse(found)).toEqual(names);
  });

  it.each(Object.entries(EXPORTS))('declares for %s these values and types', (entry, values) => {
    const names = declared(entry).map(({ name }) => name);
    expect(names.sort()).toEqual([...values, ...(TYPES[entry] ?? [])].sort());
  });

  it('has a comment at each field of its types', () => {
    const fields = Object.keys(EXPORTS).flatMap((entry) =>
      declared(entry).flatMap(({ name, text }) =>
        [...text.matchAll(/^ {4}((?:commented )?)readonly (\w+)/gm)].map(([, comment, field]) => ({
          field: `${name}.${field}`,
          hasComment: comment !== '',
        })),
      ),
    );
    expect(fields.length).toBeGreaterThan(80);
    expect(fields.filter(({ hasComment }) => !hasComment)).toEqual([]);
  });

  it('exports each type that what it exports mentions', () => {
    const all = Object.keys(EXPORTS).flatMap(declared);
    const known = new Set([...GLOBAL_TYPES, ...all.map(({ name }) => name)]);
    const missing = all.flatMap(({ name, text, imported }) =>
      (
        text.replace(/'[^']*'|import\("(?:@temporalio|nexus-rpc)[^)]*\)\.\w+|\bnexus\.\w+/g, '').match(/\b[A-Z]\w+/g) ??
        []
      )
        .filter((type) => !known.has(type) && !imported.includes(type) && !/^[A-Z_]+$/.test(type))
        .map((type) => `${name} mentions ${type}`),
    );
    expect(missing).toEqual([]);
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

  it('has the bundled command line, with the licences of what is in it', () => {
    expect(files.filter((path) => /^dist\/bundle\/command-line-.*\.cjs$/.test(path))).toHaveLength(1);
    expect(files).toContain('dist/bundle/LICENSES.txt');
  });

  it('has no tests, sources, histories or maps of sources in it', () => {
    expect(files.filter((path) => path.endsWith('.map'))).toEqual([]);
    expect(files.filter((path) => !/^(dist\/|README\.md$|CHANGELOG\.md$|LICENSE$|package\.json$)/.test(path))).toEqual(
      [],
    );
  });
});
