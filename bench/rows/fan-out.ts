import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { joinEmbeddedServer } from '../../src/embedded/join.js';
import { asker } from './ask.js';
import type { fanOutWorkflow } from './fan-out-workflow.js';
import { type Prompt, parsePrompts, taskSchema } from './prompt.js';

// The plain Temporal fan-out that people write today, in one process: a worker with the SDK's default settings, and a
// client that waits for the workflow and writes its result. The same local server as ours; its workflow bundle is made
// beforehand, as ours is.

const TASK_QUEUE = 'fan-out';

const task = taskSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
Runtime.install({ logger: new DefaultLogger('WARN') });
const server = await joinEmbeddedServer({ dataDir: task.dataDir, env: process.env, onStep: () => undefined });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: server.address }),
  taskQueue: TASK_QUEUE,
  workflowBundle: { codePath: fileURLToPath(new URL('fan-out-bundle.js', import.meta.url)) },
  activities: { ask: asker(task.url, task.model) },
});
await worker.runUntil(fanOut(parsePrompts(readFileSync(task.input, 'utf8'))));
await server.leave();
process.exit();

async function fanOut(prompts: Prompt[]): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  const results = await new Client({ connection }).workflow.execute<typeof fanOutWorkflow>('fanOutWorkflow', {
    workflowId: 'fan-out',
    taskQueue: TASK_QUEUE,
    args: [prompts, task.lanes],
  });
  writeFileSync(task.output, results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  await connection.close();
}
