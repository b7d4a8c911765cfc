import { once } from 'node:events';
import { DEFAULT_TASK_QUEUE } from '../client.js';
import { endpointFromFlags } from './batch-request.js';
import type { Io } from './io.js';
import { usablePlaces } from './places.js';
import type { WorkerFlags } from './run-flags.js';
import { openSession } from './session.js';
import { temporalSettings } from './temporal-settings.js';

/** Runs `worker` until the person or the machine asks it to end. Throws when the worker cannot go on. */
export async function runWorker(flags: WorkerFlags, io: Io): Promise<void> {
  const settings = temporalSettings(flags, io.env);
  const baseUrl = endpointFromFlags(flags.baseUrl, io.env);
  const { dataDir, storage } = await usablePlaces(flags, io.env);
  const say = (message: string): void => void io.stderr.write(`${message}\n`);
  const session = await openSession({
    settings,
    withWorker: true,
    dataDir,
    env: io.env,
    onStep: say,
    signal: io.interrupt,
  });
  try {
    const taskQueue = flags.taskQueue ?? DEFAULT_TASK_QUEUE;
    const worker = await session.startWorker({
      taskQueue,
      storage: storage.root,
      baseUrl,
      maxRequests: flags.maxRequests,
      shutdownGraceMs: flags.shutdownGrace * 1000,
      onLog: say,
    });
    say(`Worker for ${baseUrl} on task queue ${taskQueue}; Ctrl-C ends it.`);
    if (!io.interrupt.aborted) await Promise.race([once(io.interrupt, 'abort'), worker.done]);
    await worker.leave();
    await worker.done;
  } finally {
    await session.close();
  }
}
