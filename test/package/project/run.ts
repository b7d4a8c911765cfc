import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { BatchClient, type BatchInput, DriaBatchPlugin, type Progress, type RunChange } from 'dria-temporal';
import { globalTracing } from 'dria-temporal/telemetry';
import { createBatchWorker } from 'dria-temporal/worker';
import type { answer } from './workflows.js';

/** Where the project runs. Endpoint, key and storage come from the environment. */
export interface Place {
  readonly address: string;
  readonly taskQueue: string;
  readonly workflowsPath: string;
  readonly input: string;
}

/** Types that a program which steers a run needs. */
export const FASTER: RunChange = { concurrency: 4 };
export const isPaused = ({ state, pausedBy }: Progress): boolean => state === 'paused' && pausedBy !== 'canary';

/**
 * Runs a batch as a child of the project's workflow on the project's own worker, then one on a worker for batches only.
 * Returns how many items each has answered.
 */
export async function run({ address, taskQueue, workflowsPath, input }: Place): Promise<number[]> {
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection: await Connection.connect({ address }) });
  const batch: BatchInput = { input, options: { concurrency: 2, schema: { type: 'object' } } };
  const own = await Worker.create({
    connection,
    taskQueue,
    workflowsPath,
    activities: { fetchModels: async () => 'mine' },
    plugins: [new DriaBatchPlugin({ tracing: globalTracing() })],
  });
  const args: [BatchInput] = [batch];
  const answered = await own.runUntil(
    client.workflow.execute<typeof answer>('answer', { workflowId: `${taskQueue}-own`, taskQueue, args }),
  );
  const worker = await createBatchWorker({ connection, namespace: 'default', taskQueue });
  const handle = await new BatchClient(client).start({ id: `${taskQueue}-batch`, taskQueue, input: batch });
  const { ok } = await worker.runUntil(handle.result());
  await client.connection.close();
  await connection.close();
  return [answered, ok];
}
