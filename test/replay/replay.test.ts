import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, type ReplayWorkerOptions, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TRACE_SINK } from '../../src/batch/trace.js';
import { BUNDLE, TRACED_BUNDLE } from '../support/build.js';

const { History } = temporal.api.history.v1;
const HISTORIES = fileURLToPath(new URL('./histories', import.meta.url));
const WORKER = { workflowBundle: { codePath: BUNDLE } };
/** A worker whose spans are sent may take over the run of one that sends none. */
const TRACED_WORKER = {
  workflowBundle: { codePath: TRACED_BUNDLE },
  sinks: { [TRACE_SINK]: { ended: { fn: () => undefined } } },
};

Runtime.install({ logger: new DefaultLogger('ERROR') });

const historySchema = z.object({
  events: z
    .tuple([z.looseObject({ workflowExecutionStartedEventAttributes: z.looseObject({ workflowId: z.string() }) })])
    .rest(z.looseObject({ eventType: z.string() })),
});

interface Recorded {
  /** Its path in the folder of all. */
  readonly name: string;
  readonly workflowId: string;
  readonly history: z.infer<typeof historySchema>;
}

function read(path: string): Recorded {
  const history = historySchema.parse(JSON.parse(gunzipSync(readFileSync(path)).toString()));
  const { workflowId } = history.events[0].workflowExecutionStartedEventAttributes;
  return { name: relative(HISTORIES, path).replace(/\.json\.gz$/, ''), workflowId, history };
}

const recorded = readdirSync(HISTORIES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json.gz'))
  .map((name) => read(join(HISTORIES, name)));

const scenarios = [...new Set(recorded.map(({ name }) => name.split('/').slice(0, 2).join('/')))].sort();

interface Broken {
  readonly name: string;
  readonly why: string;
}

/** Replays histories on one worker. Returns those that the workflows no longer follow. */
async function replay(histories: readonly Recorded[], worker: ReplayWorkerOptions): Promise<readonly Broken[]> {
  const broken: Broken[] = [];
  const results = Worker.runReplayHistories(
    worker,
    histories.map(({ workflowId, history }) => ({ workflowId, history: History.fromObject(history) })),
  );
  let position = 0;
  for await (const { workflowId, error } of results) {
    expect(workflowId).toBe(histories[position]?.workflowId);
    if (error !== undefined) broken.push({ name: histories[position]?.name ?? '', why: error.message });
    position++;
  }
  expect(position).toBe(histories.length);
  return broken;
}

function historyOf(name: string): Recorded {
  const found = recorded.find((history) => history.name === `v0.1/${name}`);
  if (found === undefined) throw new Error(`${name} is not recorded`);
  return found;
}

describe('the workflows follow the recorded runs', () => {
  describe.each([
    ['', WORKER],
    [', with spans', TRACED_WORKER],
  ])('replayed%s', (_how, worker) => {
    // One worker for all of them: to start it takes longer than to replay most histories.
    let broken: readonly Broken[];
    beforeAll(async () => {
      broken = await replay(recorded, worker);
    });

    it.each(scenarios)('%s', (scenario) => {
      expect(broken.filter(({ name }) => name.startsWith(`${scenario}/`))).toEqual([]);
    });
  });
});

describe('the recorded runs', () => {
  const lastEvents = recorded.map(({ history }) => String(history.events.at(-1)?.eventType));
  const events = recorded.flatMap(({ history }) => history.events.slice(1).map(({ eventType }) => String(eventType)));

  it.each(['COMPLETED', 'FAILED', 'CANCELED', 'CONTINUED_AS_NEW'])('have an execution that ended as %s', (end) => {
    expect(lastEvents).toContain(`EVENT_TYPE_WORKFLOW_EXECUTION_${end}`);
  });

  it.each([
    'ACTIVITY_TASK_FAILED',
    'ACTIVITY_TASK_CANCEL_REQUESTED',
    'TIMER_FIRED',
    'WORKFLOW_EXECUTION_SIGNALED',
    'WORKFLOW_EXECUTION_UPDATE_COMPLETED',
    'WORKFLOW_TASK_TIMED_OUT',
    'CHILD_WORKFLOW_EXECUTION_CANCELED',
  ])('have the event %s', (type) => {
    expect(events).toContain(`EVENT_TYPE_${type}`);
  });

  it.each(['full-parent/batch', 'full-chunk/chunk-0'])(
    'have %s with 3,000 events, and what it continued as',
    (name) => {
      expect(historyOf(name).history.events.length).toBeGreaterThanOrEqual(3_000);
      expect(historyOf(`${name}-2`).history.events.length).toBeGreaterThan(1);
    },
  );
});

describe('a recorded run is reported when the workflows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-changed-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Returns a worker whose workflows differ in one place. */
  function changed(name: string, from: RegExp, to: string): ReplayWorkerOptions {
    const code = readFileSync(BUNDLE, 'utf8');
    const other = code.replace(from, to);
    expect(other).not.toBe(code);
    const codePath = join(folder, `${name}.js`);
    writeFileSync(codePath, other);
    return { workflowBundle: { codePath } };
  }

  it.each([
    [
      'begin with the same activities in another order',
      'plain/batch',
      /(this\.awaited\('the reading of the input', .*,)(\s+)(this\.awaited\(.*,)/,
      '$3$2$1',
    ],
    ['leave a command out', 'plain/batch', /\(0,\S+\.upsertMemo\)\(/, 'void ('],
    ['name packs otherwise', 'plain/chunk-0', /`pack-\$/, '`batch-$'],
    ['continue in a new history sooner', 'full-chunk/chunk-0', /LONGEST_HISTORY = 3_000/, 'LONGEST_HISTORY = 2_000'],
  ])('%s', async (name, history, from, to) => {
    const { workflowId, history: events } = historyOf(history);
    const replaying = Worker.runReplayHistory(changed(name, from, to), History.fromObject(events), workflowId);
    await expect(replaying).rejects.toThrow(/TMPRL1100|[Nn]ondeterminism|error in workflow machines/);
  });
});
