import { fileURLToPath } from 'node:url';
import { run } from './out/run.js';

const { ADDRESS: address, TASK_QUEUE: taskQueue, INPUT: input } = process.env;
const workflowsPath = fileURLToPath(new URL('./out/workflows.js', import.meta.url));
process.stdout.write(`${JSON.stringify(await run({ address, taskQueue, workflowsPath, input }))}\n`);
