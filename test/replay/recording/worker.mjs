// The worker that histories are recorded with. As a process of its own, for a scenario to kill: server address, storage
// and base URL as arguments; prints `ready` on a line when it polls.
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { DriaBatchPlugin } from '../../../dist/plugin.js';

export const TASK_QUEUE = 'recorded';
const BUNDLE = fileURLToPath(new URL('../../../dist/workflow-bundle.js', import.meta.url));

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32).toString('base64')}`;

/** Starts a worker. Its name is in every history: it must not be that of the machine. */
export function startWorker(connection, { storage, baseUrl }) {
  return Worker.create({
    connection,
    identity: 'recorder',
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: BUNDLE },
    plugins: [
      new DriaBatchPlugin({
        storage,
        baseUrl,
        apiKey: 'recorded-key',
        webhookSecret: WEBHOOK_SECRET,
        webhookHosts: 'any',
      }),
    ],
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [address, storage, baseUrl] = argv.slice(2);
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const worker = await startWorker(await NativeConnection.connect({ address }), { storage, baseUrl });
  const ended = worker.run();
  process.stdout.write('ready\n');
  await ended;
}
