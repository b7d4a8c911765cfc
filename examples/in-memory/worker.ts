import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { DriaBatchPlugin } from 'dria-temporal';
import * as activities from './activities.js';

const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS ?? 'localhost:7233' });
const worker = await Worker.create({
  connection,
  taskQueue: process.env.TASK_QUEUE ?? 'tickets',
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  activities,
  // Endpoint, key and storage come from DRIA_BASE_URL, DRIA_API_KEY and DRIA_TEMPORAL_STORAGE.
  plugins: [new DriaBatchPlugin()],
});
process.once('SIGTERM', () => worker.shutdown());
await worker.run();
await connection.close();
