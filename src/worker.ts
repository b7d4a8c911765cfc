import { fileURLToPath } from 'node:url';
import { type NativeConnection, Worker } from '@temporalio/worker';
import { DriaBatchPlugin, type DriaBatchPluginOptions } from './plugin.js';

/** What a worker of our own needs. */
export interface BatchWorkerOptions extends DriaBatchPluginOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  /** Requests in flight on this worker at most. Default 100. */
  readonly maxRequests?: number;
  /** How long packs under way have to end at shutdown before they are cut off, ms. Default 10,000. */
  readonly shutdownGraceMs?: number;
}

const DEFAULT_MAX_REQUESTS = 100;
const DEFAULT_SHUTDOWN_GRACE_MS = 10_000;

/** Slots beside those of requests: for manifests, models lists, parts. */
const STEP_SLOTS = 20;

/** The bundle that `npm run build` makes. */
const BUNDLE = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));

/** Creates a worker that runs batches and nothing else, with the workflow bundle of this package. */
export async function createBatchWorker(options: BatchWorkerOptions): Promise<Worker> {
  const { connection, namespace, taskQueue, maxRequests = DEFAULT_MAX_REQUESTS, ...plugin } = options;
  return await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle: { codePath: BUNDLE },
    plugins: [new DriaBatchPlugin({ ...plugin, maxRequests })],
    // Activities wait for answers most of their time: as many as there may be requests cost next to nothing.
    maxConcurrentActivityTaskExecutions: maxRequests + STEP_SLOTS,
    activityTaskPollerBehavior: { type: 'autoscaling', minimum: 1, initial: 4, maximum: 50 },
    workflowTaskPollerBehavior: { type: 'autoscaling', minimum: 2, initial: 4, maximum: 20 },
    workflowThreadPoolSize: 1,
    shutdownGraceTime: options.shutdownGraceMs ?? DEFAULT_SHUTDOWN_GRACE_MS,
  });
}
