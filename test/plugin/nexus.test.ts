import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { expect, inject, it } from 'vitest';
import type { BatchResult } from '../../src/batch/run.js';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { prompts, World } from '../support/batch-world.js';
import { ownWorker } from '../support/own-worker.js';
import { pythonWithTemporal } from '../support/python.js';
import { until } from '../support/until.js';

const CALLER = fileURLToPath(new URL('./nexus_caller.py', import.meta.url));
const CALLER_WORKFLOWS = fileURLToPath(new URL('./nexus-workflows.ts', import.meta.url));

interface Called {
  readonly result: BatchResult;
  readonly state: string;
}

const python = pythonWithTemporal('the Nexus caller in Python');

/** A namespace of a caller, and a Nexus endpoint that leads to a worker with batches in another one. */
async function openCaller(): Promise<{ world: World; namespace: string; endpoint: string; caller: Client }> {
  const world = await World.open({ noWorker: true });
  const name = `nexus-${randomUUID()}`;
  const { connection } = world.client;
  if (!(connection instanceof Connection)) throw new Error('no connection of our own');
  await connection.workflowService.registerNamespace({
    namespace: name,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  const caller = new Client({ connection, namespace: name });
  // A new namespace is not in use everywhere at once.
  await until('the namespace is there', async () =>
    caller.workflow.count("WorkflowType = 'x'").then(
      () => true,
      () => false,
    ),
  );
  await connection.operatorService.createNexusEndpoint({
    spec: { name, target: { worker: { namespace: 'default', taskQueue: world.taskQueue } } },
  });
  const plugin = new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage: world.root, nexus: true });
  await ownWorker(world, { taskQueue: world.taskQueue, plugins: [plugin] });
  return { world, namespace: name, endpoint: name, caller };
}

it('a workflow of another namespace runs a batch by Nexus, reads its state, and learns what is wrong with its input', async () => {
  const { world, namespace, endpoint, caller } = await openCaller();
  await ownWorker(world, { namespace, taskQueue: 'caller', workflowsPath: CALLER_WORKFLOWS });
  const call = async (id: string, input: object): Promise<Called> =>
    await caller.workflow.execute<(endpoint: string, id: string, input: object) => Promise<Called>>('callBatch', {
      taskQueue: 'caller',
      workflowId: `call-${id}`,
      args: [endpoint, id, input],
    });
  const id = `by-nexus-${world.taskQueue}`;
  const { result, state } = await call(id, { input: world.input(prompts(12)), return: 'inline' });
  expect([result.ok, result.lines?.length, state]).toEqual([12, 12, 'completed']);
  expect(world.output(result.results)).toHaveLength(12);
  const refused = await call(`${id}-bad`, { input: 'x', modle: 'm' }).catch((error: Error) => error.cause);
  expect(JSON.stringify(causesOf(refused))).toMatch(/batch\.run.*modle/);
});

it.skipIf(python === undefined)(
  'a workflow in Python, in another namespace, runs a batch by Nexus and has its answers',
  async () => {
    const { world, namespace, endpoint } = await openCaller();
    const { stdout } = await promisify(execFile)(python ?? '', [CALLER], {
      env: {
        PATH: process.env.PATH,
        PYTHONDONTWRITEBYTECODE: '1',
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        TEMPORAL_NAMESPACE: namespace,
        NEXUS_ENDPOINT: endpoint,
        RUN_ID: `python-${world.taskQueue}`,
        RUN_INPUT: world.input(prompts(5)),
      },
    });
    const { result, state }: Called = JSON.parse(stdout);
    expect([result.ok, result.lines?.length, state]).toEqual([5, 5, 'completed']);
  },
);

function causesOf(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...causesOf(error.cause)] : [];
}
