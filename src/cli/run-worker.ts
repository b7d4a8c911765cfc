import { once } from 'node:events';
import { DEFAULT_TASK_QUEUE } from '../client.js';
import { endpointFromFlags } from './batch-request.js';
import { Cleanup } from './cleanup.js';
import { UserError } from './errors.js';
import { startHealthServer } from './health-server.js';
import type { Io } from './io.js';
import { hostAndPort, type ListenAddress, numericAddress } from './listen-address.js';
import type { LocalWorker } from './local-worker.js';
import { usablePlaces } from './places.js';
import type { WorkerFlags } from './run-flags.js';
import { openSession, type Session } from './session.js';
import { temporalSettings } from './temporal-settings.js';

/** Runs `worker` until the person or the machine asks it to end. Throws when the worker cannot go on. */
export async function runWorker(flags: WorkerFlags, io: Io): Promise<void> {
  const settings = temporalSettings(flags, io.env);
  const baseUrl = endpointFromFlags(flags.baseUrl, io.env);
  const taskQueues = taskQueuesOf(flags);
  const { dataDir, storage } = await usablePlaces(flags, io.env);
  const say = (message: string): void => void io.stderr.write(`${message}\n`);
  const cleanup = new Cleanup();
  try {
    let worker: LocalWorker | undefined;
    if (flags.healthAddress !== undefined) {
      const unready = async () => (worker === undefined ? 'the worker is starting' : await worker.unready());
      const health = cleanup.add(await startHealthServer(flags.healthAddress, unready), (opened) => opened.close());
      say(`Health at http://${health.address}/readyz`);
    }
    const options = { settings, withWorker: true, dataDir, env: io.env, onStep: say, signal: io.interrupt };
    const session = cleanup.add(await openSession(options), (opened) => opened.close());
    worker = await startWorker(session, flags, { taskQueues, baseUrl, storage: storage.root, say });
    say(`Worker for ${baseUrl} on task queue ${taskQueues.join(', ')}; Ctrl-C ends it.`);
    if (!io.interrupt.aborted) await Promise.race([once(io.interrupt, 'abort'), worker.done]);
    say('Ending: no new work, requests under way may finish.');
    await worker.leave();
    await worker.done;
  } finally {
    await cleanup.run();
  }
}

/** The queues of a worker: several are separated by commas. */
function taskQueuesOf({ taskQueue }: WorkerFlags): string[] {
  const names = (taskQueue ?? DEFAULT_TASK_QUEUE).split(',').map((name) => name.trim());
  if (!names.includes('') && new Set(names).size === names.length) return names;
  throw new UserError(`--task-queue: ${taskQueue} has an empty name or the same one twice`, { exitCode: 2 });
}

interface WorkerFacts {
  readonly taskQueues: readonly string[];
  readonly baseUrl: string;
  readonly storage: string;
  readonly say: (message: string) => void;
}

async function startWorker(
  session: Session,
  { maxRequests, activitySlots, workflowSlots, shutdownGrace, metricsAddress }: WorkerFlags,
  { say, ...facts }: WorkerFacts,
): Promise<LocalWorker> {
  return await session.startWorker({
    ...facts,
    shared: true,
    maxRequests,
    activitySlots,
    workflowSlots,
    shutdownGraceMs: shutdownGrace * 1000,
    metricsAddress: metricsAddress === undefined ? undefined : await metricsSocket(metricsAddress),
    onLog: say,
  });
}

/** Where the SDK serves metrics: it looks no names up. */
async function metricsSocket(address: ListenAddress): Promise<string> {
  try {
    return await numericAddress(address);
  } catch (error) {
    const where = hostAndPort(address);
    throw new UserError(`--metrics-address: cannot listen on ${where}`, { exitCode: 2, cause: error });
  }
}
