// Records the histories that test/replay replays: real runs against a real server and a simulated network. With names
// of scenarios only those. Replaces what was recorded of this version.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { BatchClient } from '../dist/client.js';
import { findBinary } from '../dist/embedded/binary/find.js';
import { startSimulator } from '../dist/simulator/server.js';
import { SCENARIOS } from '../test/replay/recording/scenarios.mjs';
import { startWorker, TASK_QUEUE } from '../test/replay/recording/worker.mjs';

/** Version of the shape that is recorded: the package's major and minor. */
const VERSION = 'v0.1';
const HISTORIES = fileURLToPath(new URL(`../test/replay/histories/${VERSION}/`, import.meta.url));
const WORKER = fileURLToPath(new URL('../test/replay/recording/worker.mjs', import.meta.url));

/** Events after which the server suggests to continue as new, in the scenarios with a small history. */
const SMALL_HISTORY = 40;
/** Scenarios that are recorded at once. */
const AT_ONCE = 3;

/** Options of a scenario that gives none. */
const OPTIONS = { concurrency: 3, chunkSize: 6 };

async function until(condition) {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('what was waited for did not come within 60 s');
    await delay(20);
  }
}

/** One scenario: its own server, network, storage and worker. */
async function record(name, scenario, program) {
  const storage = mkdtempSync(join(tmpdir(), 'dria-temporal-record-'));
  writeFileSync(join(storage, 'input.jsonl'), inputOf(scenario));
  const simulator = await startSimulator(scenario.simulator);
  const environment = await startServer(program, scenario.smallHistory === true);
  const { address } = environment;
  const place = { address, storage, baseUrl: simulator.url };
  let worker = await (scenario.killed === true ? processWorker(place) : localWorker(place));
  const replaceWorker = async () => {
    await worker.end();
    worker = await localWorker(place);
  };
  // Names that say nothing of the machine that recorded: they are in every history.
  const client = new Client({ connection: await Connection.connect({ address }), identity: 'recorder' });
  try {
    const run = await play(name, scenario, { client, url: simulator.url, replaceWorker });
    const histories = await historiesOf(client);
    if (!scenario.shows(await run.progress(), histories)) throw new Error(`${name} did not do what it is about`);
    keep(name, histories, scenario.keep);
  } finally {
    await worker.end();
    await environment.teardown();
    await simulator.close();
    rmSync(storage, { recursive: true, force: true });
  }
}

function inputOf({ lines, items = 12 }) {
  const records = lines ?? Array.from({ length: items }, (_, n) => ({ prompt: `prompt ${n}` }));
  return records.map((line) => JSON.stringify(line)).join('\n');
}

/** Starts the scenario's run, steers it and waits for its end. */
async function play(name, { options = OPTIONS, webhook, steer, fails }, { client, url, replaceWorker }) {
  const batches = new BatchClient(client);
  const start = (more = {}) => {
    const hook = webhook === undefined ? {} : { webhook: { ...webhook, url: `${url}${webhook.url}` } };
    const input = { input: 'input.jsonl', options, heartbeatTimeoutMs: 3000, ...hook, ...more };
    return batches.start({ id: `run-${name}`, taskQueue: TASK_QUEUE, input });
  };
  const request = (method, path, body) => fetch(`${url}/_sim/${path}`, { method, body: JSON.stringify(body) });
  const answered = (count) => until(async () => (await (await request('GET', 'stats')).json()).answered >= count);
  const run = await start();
  const reaches = (condition) => until(async () => condition(await run.progress()));
  await steer?.({ run, request, answered, reaches, start, replaceWorker });
  const failed = await run.result().then(
    () => false,
    () => true,
  );
  if (failed !== (fails === true)) throw new Error(`${name} ${failed ? 'failed' : 'did not fail'}`);
  return run;
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

async function localWorker({ address, ...place }) {
  const connection = await NativeConnection.connect({ address });
  const worker = await startWorker(connection, place);
  const ended = worker.run();
  return {
    end: async () => {
      worker.shutdown();
      await ended;
      await connection.close();
    },
  };
}

async function processWorker({ address, storage, baseUrl }) {
  const child = spawn(process.execPath, [WORKER, address, storage, baseUrl], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  await once(child.stdout, 'data');
  return {
    end: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Returns the histories of all executions by the names of their files: batch, batch-2 for the run's next one, chunk-0. */
async function historiesOf(client) {
  const executions = [];
  for await (const execution of client.workflow.list()) executions.push(execution);
  executions.sort((a, b) => a.startTime - b.startTime);
  const seen = new Map();
  const histories = new Map();
  for (const { workflowId, runId } of executions) {
    const workflow = workflowId.split('/')[1] ?? 'batch';
    const number = (seen.get(workflow) ?? 0) + 1;
    seen.set(workflow, number);
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.set(number === 1 ? workflow : `${workflow}-${number}`, withoutStacks(plain(history)));
  }
  return histories;
}

function keep(name, histories, only = /./) {
  const folder = join(HISTORIES, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, history] of histories) {
    if (!only.test(file)) continue;
    writeFileSync(join(folder, `${file}.json.gz`), gzipSync(JSON.stringify(history), { level: 9 }));
    console.log(`${name}/${file}: ${history.events.length} events`);
  }
}

/** As `History.fromObject` reads it. The SDK's `historyToJSON` fails where npm installs protobufjs more than once. */
function plain(history) {
  const { History } = proto.temporal.api.history.v1;
  return History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String });
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
const scenarios = Object.entries(SCENARIOS).filter(([name]) => only.length === 0 || only.includes(name));
// Most of them wait most of their time.
await Promise.all(Array.from({ length: AT_ONCE }, recordNext));

async function recordNext() {
  for (let next = scenarios.shift(); next !== undefined; next = scenarios.shift()) {
    const [name, scenario] = next;
    await record(name, scenario, program.path).catch((error) => {
      console.error(`${name}: not recorded:`, error);
      process.exitCode = 1;
    });
  }
}
