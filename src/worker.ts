import { fileURLToPath } from 'node:url';
import { type InjectedSinks, type NativeConnection, Worker } from '@temporalio/worker';
import { HEARTBEAT_GAP_MS } from './activities/heartbeat.js';
import type { TraceSinks } from './batch/trace.js';
import { DriaBatchPlugin, type DriaBatchPluginOptions } from './plugin.js';

/** What a worker of our own needs. */
export interface BatchWorkerOptions extends DriaBatchPluginOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  /** One that several workers of this process share; the options of a plugin are then its own. */
  readonly plugin?: DriaBatchPlugin;
  /** Requests in flight on this worker at most. Default 100. */
  readonly maxRequests?: number;
  /** Activities at once. Default: one a request, and where the worker is not shared some for the steps that ask nothing. */
  readonly activitySlots?: number;
  /** Workflow tasks at once. Default: the SDK's, 40. */
  readonly workflowSlots?: number;
  /**
   * Several runs share the task queue: the server deals out all work, in equal parts or by priority where it knows them.
   * Otherwise a run whose workflow task ends here gives its next pack to the slot that has just become free, past the
   * server: cheaper, but a second run would starve.
   */
  readonly shared?: boolean;
  /** How long packs under way have to end at shutdown before they are cut off, ms. Default 10,000. */
  readonly shutdownGraceMs?: number;
  /** Makes spans of runs and chunks: the worker then runs the bundle with the interceptors for it. */
  readonly traceSinks?: InjectedSinks<TraceSinks> | undefined;
}

const DEFAULT_MAX_REQUESTS = 100;
const DEFAULT_SHUTDOWN_GRACE_MS = 10_000;

/**
 * Slots beside those of requests, for manifests, models lists, parts. None where workers are shared: one with free slots
 * would take packs that its requests have no room for, while another worker has nothing to do. Steps come first there by
 * their priority, and of many packs one is always about to end.
 */
const STEP_SLOTS = 20;

/** The bundles that `npm run build` makes. */
const BUNDLE = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));
const TRACED_BUNDLE = fileURLToPath(new URL('./workflow-bundle-otel.js', import.meta.url));

/** Creates a worker that runs batches and nothing else, with the workflow bundle of this package. */
export async function createBatchWorker(options: BatchWorkerOptions): Promise<Worker> {
  const { connection, namespace, taskQueue, maxRequests = DEFAULT_MAX_REQUESTS, workflowSlots, traceSinks } = options;
  return await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle: { codePath: traceSinks === undefined ? BUNDLE : TRACED_BUNDLE },
    ...(traceSinks === undefined ? {} : { sinks: traceSinks }),
    plugins: [options.plugin ?? new DriaBatchPlugin({ ...options, maxRequests })],
    // Activities wait for answers most of their time: as many as there may be requests cost next to nothing.
    maxConcurrentActivityTaskExecutions: options.activitySlots ?? maxRequests + (options.shared ? 0 : STEP_SLOTS),
    ...(workflowSlots === undefined ? {} : { maxConcurrentWorkflowTaskExecutions: workflowSlots }),
    activityTaskPollerBehavior: { type: 'autoscaling', minimum: 1, initial: 4, maximum: 50 },
    workflowTaskPollerBehavior: { type: 'autoscaling', minimum: 2, initial: 4, maximum: 20 },
    workflowThreadPoolSize: 1,
    // All heartbeats reach the server where no other run shares the worker. The SDK's own gap is 0.8 of the time-out: one
    // that is 2 s late on a busy machine would cost a pack its requests in flight. Where it is shared each is billed.
    ...(options.shared === true
      ? { maxEagerActivityReservationsPerWorkflowTask: 0 }
      : { maxHeartbeatThrottleInterval: HEARTBEAT_GAP_MS }),
    shutdownGraceTime: options.shutdownGraceMs ?? DEFAULT_SHUTDOWN_GRACE_MS,
  });
}
