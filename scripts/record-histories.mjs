// Runs scenarios for real (a Temporal server, a simulated network, this package's worker) and keeps the histories of
// their workflows under test/replay/histories/<version>/<scenario>/. Build first: npm run record:histories does.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { BatchClient } from '../dist/client.js';
import { findBinary } from '../dist/embedded/binary/find.js';
import { DriaBatchPlugin } from '../dist/plugin.js';
import { startSimulator } from '../dist/simulator/server.js';

/** Version of the shape that is recorded: the package's major and minor. */
const VERSION = 'v0.1';
const HISTORIES = fileURLToPath(new URL(`../test/replay/histories/${VERSION}/`, import.meta.url));
const BUNDLE = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));
const TASK_QUEUE = 'recorded';

/** Events after which the server suggests to continue as new, in the scenario about it. */
const SMALL_HISTORY = 40;

const SMALL = { concurrency: 3, chunkSize: 6 };
const down = (model) => ({ match: { model }, respond: { status: 503 } });
const slow = { latency: { kind: 'fixed', ms: 100 } };
const MODELS = [
  { id: 'nanbeige:3b', nodes: 3 },
  { id: 'lfm2.5:1.2b', nodes: 2 },
];

/** What is recorded. `steer` acts on the run that was started and waits until it has done so. */
const SCENARIOS = {
  plain: { options: { ...SMALL, schema: { type: 'object' } } },
  fallback: { simulator: { models: MODELS, rules: [down('nanbeige:3b')] } },
  waiting: {
    simulator: { models: MODELS, rules: MODELS.map(({ id }) => down(id)) },
    steer: async ({ run, steer }) => {
      await until(async () => (await run.progress()).state === 'waiting');
      await steer('DELETE', 'rules');
    },
  },
  retries: {
    simulator: {
      rules: [
        { match: { promptIncludes: 'prompt 3', toRequest: 2 }, respond: { status: 500 } },
        { match: { promptIncludes: 'prompt 7' }, respond: { status: 400 } },
        { match: { promptIncludes: 'prompt 8' }, respond: { status: 502 } },
      ],
    },
    options: { ...SMALL, retries: 1 },
  },
  pause: {
    simulator: slow,
    steer: async ({ run, answered }) => {
      await answered(3);
      await run.pause();
      await run.resume();
    },
  },
  'out-of-credits': {
    simulator: { credits: 5 },
    steer: async ({ run, steer }) => {
      await until(async () => (await run.progress()).state === 'paused');
      await steer('POST', 'credits', { add: 100 });
      await run.resume();
    },
  },
  'refused-key': { simulator: { rules: [{ match: { fromRequest: 5 }, respond: { status: 401 } }] }, fails: true },
  cancel: {
    simulator: slow,
    steer: async ({ run, answered }) => {
      await answered(3);
      await run.cancel();
    },
    fails: true,
  },
  recover: {
    simulator: slow,
    steer: async ({ run, answered, start }) => {
      await answered(7);
      await run.cancel();
      await run.result().catch(() => undefined);
      await start({ recover: true });
    },
  },
  set: {
    simulator: slow,
    options: { concurrency: 4, chunkSize: 20, pack: 5 },
    items: 60,
    steer: async ({ run, answered }) => {
      await answered(6);
      await run.set({ concurrency: 1, model: 'nanbeige:3b', maxTokens: 99 });
      await answered(12);
      await run.set({ concurrency: 5, model: null, retries: 1 });
    },
  },
  limits: {
    simulator: { ...slow, credits: 1000 },
    options: { ...SMALL, maxTotalTokens: 80, maxCredits: 500 },
    items: 18,
    steer: async ({ run }) => {
      await until(async () => (await run.progress()).pausedBy === 'budget');
      await run.set({ maxTotalTokens: null });
    },
  },
  canary: {
    options: { ...SMALL, canary: 3 },
    items: 18,
    steer: async ({ run }) => {
      await until(async () => (await run.progress()).pausedBy === 'canary');
      await run.resume();
    },
  },
  'failed-again': {
    simulator: { rules: [{ match: { promptIncludes: 'prompt 3', toRequest: 1 }, respond: { status: 422 } }] },
    steer: async ({ run, start }) => {
      await run.result();
      await start({ recover: true, retryFailed: true });
    },
  },
  'wide-packs': {
    simulator: slow,
    options: { concurrency: 24, chunkSize: 40 },
    items: 120,
    more: { widePacks: true },
    steer: async ({ run, answered }) => {
      await answered(20);
      await run.set({ concurrency: 6 });
      await run.pause();
      await run.resume();
    },
  },
  'invalid-input': { lines: ['{"prompt": ""}'], fails: true },
  'continued-parent': { options: { concurrency: 3, chunkSize: 4 }, items: 40, smallHistory: true },
  'continued-chunk': { options: { concurrency: 4, chunkSize: 40, pack: 1 }, items: 40, smallHistory: true },
};

async function until(condition) {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('what was waited for did not come within 30 s');
    await delay(20);
  }
}

/** One scenario: its own server, network, storage and worker. */
async function record(name, scenario, program) {
  const { simulator: network = {}, options = SMALL, items = 12, lines, more: facts = {} } = scenario;
  const { steer: act, fails, smallHistory } = scenario;
  const storage = mkdtempSync(join(tmpdir(), 'dria-temporal-record-'));
  const input = (lines ?? Array.from({ length: items }, (_, n) => JSON.stringify({ prompt: `prompt ${n}` }))).join(
    '\n',
  );
  writeFileSync(join(storage, 'input.jsonl'), input);
  const simulator = await startSimulator(network);
  const environment = await startServer(program, smallHistory === true);
  // Names that say nothing of the machine that recorded: they are in every history.
  const native = await NativeConnection.connect({ address: environment.address });
  const connection = await Connection.connect({ address: environment.address });
  const client = new Client({ connection, identity: 'recorder' });
  const worker = await startWorker(native, storage, simulator.url);
  const ended = worker.run();
  try {
    const id = `run-${name}`;
    const batches = new BatchClient(client);
    const start = (more = {}) =>
      batches.start({
        id,
        taskQueue: TASK_QUEUE,
        input: { input: 'input.jsonl', options, heartbeatTimeoutMs: 3000, ...facts, ...more },
      });
    const steer = (method, path, body) =>
      fetch(`${simulator.url}/_sim/${path}`, { method, body: JSON.stringify(body) });
    const answered = (count) =>
      until(async () => (await (await fetch(`${simulator.url}/_sim/stats`)).json()).answered >= count);
    const run = await start();
    await act?.({ run, steer, answered, start });
    const result = run.result();
    if (fails)
      await result.then(
        () => Promise.reject(new Error(`${name} did not fail`)),
        () => undefined,
      );
    else await result;
    await keep(name, client);
  } finally {
    worker.shutdown();
    await ended;
    await native.close();
    await environment.teardown();
    await simulator.close();
    rmSync(storage, { recursive: true, force: true });
  }
}

function startServer(path, smallHistory) {
  const limit = ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${SMALL_HISTORY}`];
  return TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path },
      log: { format: 'pretty', level: 'error' },
      extraArgs: smallHistory ? limit : [],
    },
  });
}

function startWorker(connection, storage, baseUrl) {
  return Worker.create({
    connection,
    identity: 'recorder',
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: BUNDLE },
    plugins: [new DriaBatchPlugin({ storage, baseUrl, apiKey: 'recorded-key' })],
  });
}

/** Writes the histories of all workflow executions, oldest first: batch.json, batch-2.json when it continued, … */
async function keep(name, client) {
  const executions = [];
  for await (const execution of client.workflow.list()) executions.push(execution);
  executions.sort((a, b) => a.startTime - b.startTime);
  const seen = new Map();
  for (const { workflowId, runId } of executions) {
    const workflow = workflowId.split('/')[1] ?? 'batch';
    const count = (seen.get(workflow) ?? 0) + 1;
    seen.set(workflow, count);
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const path = join(HISTORIES, name, `${workflow}${count === 1 ? '' : `-${count}`}.json`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, oneEventPerLine(withoutStacks(plain(history))));
    console.log(`${name}/${workflow} ${count}: ${history.events.length} events`);
  }
}

/** As `History.fromObject` reads it. The SDK's `historyToJSON` fails where npm installs protobufjs more than once. */
function plain(history) {
  const { History } = proto.temporal.api.history.v1;
  return History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String });
}

function oneEventPerLine({ events }) {
  return `{"events": [\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]}\n`;
}

/** Stack traces hold paths of the machine that recorded, and no replay reads them. */
function withoutStacks(value) {
  if (Array.isArray(value)) return value.map(withoutStacks);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([field]) => field !== 'stackTrace');
  return Object.fromEntries(entries.map(([field, inner]) => [field, withoutStacks(inner)]));
}

Runtime.install({ logger: new DefaultLogger('ERROR') });
const program = await findBinary({ env: process.env, onStep: (step) => console.error(step) });
const only = process.argv.slice(2);
if (only.length === 0) rmSync(HISTORIES, { recursive: true, force: true });
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (only.length === 0 || only.includes(name)) await record(name, scenario, program.path);
}
