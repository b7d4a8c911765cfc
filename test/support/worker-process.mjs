// A worker as a process of its own, which tests can kill. Arguments: server address, task queue, storage, base URL.
// Says `ready` on a line when it polls.
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { createBatchWorker } from '../../dist/worker.js';

const [address, taskQueue, storage, baseUrl] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect({ address });
const worker = await createBatchWorker({
  connection,
  namespace: 'default',
  taskQueue,
  storage,
  baseUrl,
  apiKey: 'test-key',
});
const ended = worker.run();
process.stdout.write('ready\n');
await ended;
