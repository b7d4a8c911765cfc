import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, type ReplayWorkerOptions, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
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
    .rest(z.looseObject({})),
});

interface Recorded {
  /** Where it is, from the folder of all. */
  readonly name: string;
  readonly workflowId: string;
  readonly history: z.infer<typeof historySchema>;
}

function read(path: string): Recorded {
  const history = historySchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  const { workflowId } = history.events[0].workflowExecutionStartedEventAttributes;
  return { name: relative(HISTORIES, path), workflowId, history };
}

const recorded = readdirSync(HISTORIES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .map((name) => read(join(HISTORIES, name)));

const scenarios = [...new Set(recorded.map(({ name }) => name.split('/').slice(0, 2).join('/')))].sort();

/** Replays histories on one worker. Returns the names of those that the workflows no longer follow, and why. */
async function replay(histories: readonly Recorded[], worker: ReplayWorkerOptions = WORKER): Promise<string[]> {
  const broken: string[] = [];
  const results = Worker.runReplayHistories(
    worker,
    histories.map(({ workflowId, history }) => ({ workflowId, history: History.fromObject(history) })),
  );
  let position = 0;
  for await (const { error } of results) {
    if (error !== undefined) broken.push(`${histories[position]?.name}: ${error.message}`);
    position++;
  }
  expect(position).toBe(histories.length);
  return broken;
}

describe('the workflows of now follow the recorded runs', () => {
  it.each(scenarios)('%s', async (scenario) => {
    expect(await replay(recorded.filter(({ name }) => name.startsWith(`${scenario}/`)))).toEqual([]);
  });

  it.each(scenarios)('%s, with spans', async (scenario) => {
    expect(
      await replay(
        recorded.filter(({ name }) => name.startsWith(`${scenario}/`)),
        TRACED_WORKER,
      ),
    ).toEqual([]);
  });

  it('has recorded runs that continued, waited, failed and were cancelled', () => {
    const names = recorded.map(({ name }) => name);
    for (const name of ['plain/chunk-1', 'continued-parent/batch-2', 'continued-chunk/chunk-0-2', 'waiting/batch']) {
      expect(names).toContain(`v0.1/${name}.json`);
    }
    const ends = recorded.flatMap(({ history }) => Object.keys(history.events.at(-1) ?? {}));
    expect(ends).toContain('workflowExecutionFailedEventAttributes');
    expect(ends).toContain('workflowExecutionCanceledEventAttributes');
  });
});

describe('a workflow that does something else than the recorded run', () => {
  const plain = read(join(HISTORIES, 'v0.1/plain/batch.json'));

  it.each([
    ['calls another activity', '"readManifest"', '"readInput"'],
    ['starts another child', '/chunk-1"', '/chunk-9"'],
    ['does its steps under other ids', '"activityId":"1"', '"activityId":"7"'],
  ])('is reported when it %s', async (_what, from, to) => {
    const tampered = JSON.stringify(plain.history).replaceAll(from, to);
    expect(tampered).not.toBe(JSON.stringify(plain.history));
    const replaying = Worker.runReplayHistory(WORKER, History.fromObject(JSON.parse(tampered)), plain.workflowId);
    await expect(replaying).rejects.toBeInstanceOf(DeterminismViolationError);
  });
});
