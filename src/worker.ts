import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { isBuiltSdk } from './built-sdk.js';
import { DriaBatchPlugin, type DriaBatchPluginOptions } from './plugin.js';
import { versioningOf, type WorkerVersion } from './worker-version.js';

export type { WorkerVersion } from './worker-version.js';

/** What a worker that runs batches and nothing else needs. */
export interface BatchWorkerOptions extends DriaBatchPluginOptions {
  /** The connection to Temporal; it stays open when the worker ends. */
  readonly connection: NativeConnection;
  /** The namespace of the runs. */
  readonly namespace: string;
  /** The task queue that it polls. */
  readonly taskQueue: string;
  /** One that several workers of this process share; the options of a plugin are then its own. */
  readonly plugin?: DriaBatchPlugin;
  /** Requests in flight on this worker at most. Default 100. */
  readonly maxRequests?: number;
  /** Maximum activities at once. Default: one for each request, or for each ten if the worker is shared, and some for steps. */
  readonly activitySlots?: number;
  /** Workflow tasks at once. Default: the SDK's, 40. */
  readonly workflowSlots?: number;
  /**
   * Several runs share the task queue: the server deals out all work, in equal parts or by priority where it knows them.
   * Otherwise a run whose workflow task ends here gives its next pack to the slot that has just become free, past the
   * server: cheaper, but a second run would starve.
   */
  readonly shared?: boolean;
  /** The version of these workers, for Worker Versioning: runs are pinned to it until they continue as new. */
  readonly deployment?: WorkerVersion | undefined;
  /** Time for requests in flight at shutdown before they are cut off (ms). Default: the plugin's, 30,000. */
  readonly shutdownGraceMs?: number;
  /** Makes spans of runs and chunks: the worker then runs the bundle with the interceptors for it. */
  readonly traceSinks?: WorkerOptions['sinks'] | undefined;
  /**
   * How payloads are made and read, as the client has it. With a converter of its own for payloads or failures the
   * workflows are bundled with it at the start, which takes some seconds.
   */
  readonly dataConverter?: DataConverter | undefined;
  /** What the server shows as the sender of this worker's requests. */
  readonly identity?: string;
}

const DEFAULT_MAX_REQUESTS = 100;

/** Longest time that the SDK holds a heartbeat back on a worker of one run, ms. */
const HEARTBEAT_GAP_MS = 3_000;

/** Slots beside those of packs, for manifests, models lists, parts. */
const STEP_SLOTS = 20;

/**
 * The same if several runs share the workers: with more free slots one would take packs that its requests have no room
 * for, while another worker has nothing to do. Steps come first there by their priority.
 */
const SHARED_STEP_SLOTS = 2;

/** Requests of a pack: see `WIDTH` in `batch/packs.ts`. */
const PACK_REQUESTS = 10;

function slotsOf(maxRequests: number, isShared: boolean): number {
  return isShared ? Math.ceil(maxRequests / PACK_REQUESTS) + SHARED_STEP_SLOTS : maxRequests + STEP_SLOTS;
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/**
 * Returns what a worker runs: a bundle that was built with the package, or, for another version of the SDK and if converters
 * go into it, one that the worker makes.
 */
function workflowsOf({
  dataConverter,
  traceSinks,
}: BatchWorkerOptions): Pick<WorkerOptions, 'interceptors' | 'workflowBundle' | 'workflowsPath'> {
  const isTraced = traceSinks !== undefined;
  const { payloadConverterPath, failureConverterPath } = dataConverter ?? {};
  if (isBuiltSdk() && payloadConverterPath === undefined && failureConverterPath === undefined) {
    return { workflowBundle: { codePath: fileOf(isTraced ? './workflow-bundle-otel.js' : './workflow-bundle.js') } };
  }
  const interceptors = isTraced ? { workflowModules: [fileOf('./workflows/tracing.js')] } : {};
  return { workflowsPath: fileOf('./workflows/index.js'), interceptors };
}

/** Creates a worker that runs batches and nothing else, with the workflow bundle of this package. */
export async function createBatchWorker(options: BatchWorkerOptions): Promise<Worker> {
  const { connection, namespace, taskQueue, maxRequests = DEFAULT_MAX_REQUESTS, workflowSlots, traceSinks } = options;
  const { dataConverter, identity, shutdownGraceMs } = options;
  return await Worker.create({
    connection,
    namespace,
    taskQueue,
    ...versioningOf(options.deployment),
    ...workflowsOf(options),
    ...(dataConverter === undefined ? {} : { dataConverter }),
    ...(identity === undefined ? {} : { identity }),
    ...(traceSinks === undefined ? {} : { sinks: traceSinks }),
    plugins: [options.plugin ?? new DriaBatchPlugin({ ...options, maxRequests })],
    maxConcurrentActivityTaskExecutions: options.activitySlots ?? slotsOf(maxRequests, options.shared === true),
    ...(workflowSlots === undefined ? {} : { maxConcurrentWorkflowTaskExecutions: workflowSlots }),
    activityTaskPollerBehavior: { type: 'autoscaling', minimum: 1, initial: 4, maximum: 50 },
    workflowTaskPollerBehavior: { type: 'autoscaling', minimum: 2, initial: 4, maximum: 20 },
    workflowThreadPoolSize: 1,
    // All heartbeats reach the server where no other run shares the worker. The SDK's own gap is 0.8 of the time-out: one
    // that is 2 s late on a busy machine would cost a pack its requests in flight. Where it is shared each is billed.
    ...(options.shared === true
      ? { maxEagerActivityReservationsPerWorkflowTask: 0 }
      : { maxHeartbeatThrottleInterval: HEARTBEAT_GAP_MS }),
    ...(shutdownGraceMs === undefined ? {} : { shutdownGraceTime: shutdownGraceMs }),
  });
}
