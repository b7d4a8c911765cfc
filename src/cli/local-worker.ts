import {
  DefaultLogger,
  type MetricsExporterConfig,
  NativeConnection,
  type NativeConnectionOptions,
  Runtime,
  type Worker,
} from '@temporalio/worker';
import { LATENCY_BOUNDS, METRICS } from '../activities/metrics.js';
import { DriaBatchPlugin } from '../plugin.js';
import { telemetryAsked } from '../telemetry/asked.js';
import type { Telemetry } from '../telemetry/open.js';
import { type BatchWorkerOptions, createBatchWorker } from '../worker.js';
import { UserError } from './errors.js';

/** A worker in this process. */
export interface LocalWorker {
  /** Rejects when the worker cannot go on; resolves when it has left. */
  readonly done: Promise<void>;
  /** Why it cannot take work now; undefined when it can. */
  unready(): Promise<string | undefined>;
  /** Ends after the requests under way, which are kept; gives back all that was not begun. Idempotent. */
  leave(): Promise<void>;
}

/** What a worker in this process serves. */
export interface LocalWorkerOptions {
  readonly taskQueues: readonly string[];
  readonly storage: string;
  readonly baseUrl: string;
  /** Requests in flight at most, of all task queues together. */
  readonly maxRequests: number;
  /** Activities, and workflow tasks, at once for each task queue. */
  readonly activitySlots?: number | undefined;
  readonly workflowSlots?: number | undefined;
  /** How long requests under way may take to end when the worker leaves, ms. */
  readonly shutdownGraceMs: number;
  /** Several runs share the task queues. */
  readonly shared?: boolean;
  /** Where Prometheus finds the metrics, `host:port` with a host in numbers. */
  readonly metricsAddress?: string | undefined;
  /** Tells of trouble inside the SDK. */
  readonly onLog: (message: string) => void;
}

/** How long Temporal may take to say that it is there, ms. */
const HEALTH_MS = 2_000;

/** Starts a worker that runs batches, for one task queue or several. */
export async function startLocalWorker(
  options: LocalWorkerOptions & { readonly connection: NativeConnectionOptions; readonly namespace: string },
): Promise<LocalWorker> {
  const telemetry = await openTelemetry(options);
  installRuntime(options, telemetry);
  const { activities: tracing, sinks: traceSinks } = telemetry?.tracing ?? {};
  const { storage, baseUrl, maxRequests } = options;
  const drain = new AbortController();
  const connection = await NativeConnection.connect(options.connection);
  const plugin = new DriaBatchPlugin({ storage, baseUrl, maxRequests, drain: drain.signal, tracing });
  const workers = await Promise.all(
    options.taskQueues.map((queue) => createWorker(queue, connection, plugin, { ...options, traceSinks })),
  );
  const leave = (): void => {
    drain.abort();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  // One that cannot go on takes the others with it: the process ends, and whoever looks after it starts it anew.
  const runs = workers.map((worker) => worker.run().finally(leave));
  // What is left to tell goes while the connection holds the SDK's native side, which sends the metrics.
  const close = () => Promise.allSettled(runs).then(() => telemetry?.close());
  const done = Promise.all(runs).finally(() => close().then(() => connection.close()));
  // Whoever waits for the run looks at `done` too; until then a rejection has somebody.
  done.catch(() => undefined);
  return {
    done: done.then(() => undefined),
    unready: () => unready(workers, connection),
    leave: async () => {
      leave();
      await done.catch(() => undefined);
    },
  };
}

function createWorker(
  taskQueue: string,
  connection: NativeConnection,
  plugin: DriaBatchPlugin,
  options: Parameters<typeof startLocalWorker>[0] & Pick<BatchWorkerOptions, 'traceSinks'>,
): Promise<Worker> {
  const { namespace, maxRequests, activitySlots, workflowSlots, shutdownGraceMs, shared = false, traceSinks } = options;
  return createBatchWorker({
    connection,
    namespace,
    taskQueue,
    plugin,
    maxRequests,
    shutdownGraceMs,
    shared,
    traceSinks,
    ...(activitySlots === undefined ? {} : { activitySlots }),
    ...(workflowSlots === undefined ? {} : { workflowSlots }),
  });
}

async function unready(workers: readonly Worker[], connection: NativeConnection): Promise<string | undefined> {
  const state = workers.map((worker) => worker.getState()).find((known) => known !== 'RUNNING');
  if (state !== undefined) return `the worker is ${state.toLowerCase()}`;
  try {
    await connection.withDeadline(Date.now() + HEALTH_MS, () =>
      connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' }),
    );
    return undefined;
  } catch {
    return 'the Temporal server does not answer';
  }
}

let installed = false;

function openTelemetry({ onLog, metricsAddress, shared = false }: LocalWorkerOptions): Promise<Telemetry | undefined> {
  const metricsFlag = metricsAddress === undefined ? undefined : '--metrics-address';
  return telemetryAsked(process.env, { warn: onLog, lasting: shared, metricsFlag });
}

/** The SDK's native side for this process: quiet, and leaving signals to the command. */
function installRuntime({ onLog, metricsAddress }: LocalWorkerOptions, telemetry: Telemetry | undefined): void {
  if (installed) return;
  installed = true;
  const core = telemetry?.metrics;
  const install = (metrics: MetricsExporterConfig | undefined): void => {
    Runtime.install({
      logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
        if (core?.heard(message, meta?.error) === true) return;
        // The SDK warns of every attempt that fails; a person sees those in the display. What our activities say counts.
        if (level !== 'ERROR' && meta?.sdkComponent !== 'activity') return;
        const error = meta?.error;
        onLog(error instanceof Error ? `${message}: ${error.message}` : message);
      }),
      shutdownSignals: [],
      telemetryOptions: {
        // An export of metrics that failed is only a warning.
        logging: { forward: {}, filter: { core: core === undefined ? 'ERROR' : 'WARN', other: 'ERROR' } },
        ...(metrics === undefined ? {} : { metrics }),
      },
    });
  };
  if (core !== undefined) core.start(install, onLog);
  else if (metricsAddress === undefined) install(undefined);
  else installPrometheus(install, metricsAddress);
}

/** The SDK listens as it is installed. Throws a `UserError` when it cannot. */
function installPrometheus(install: (metrics: MetricsExporterConfig) => void, address: string): void {
  try {
    install({ prometheus: prometheus(address) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`--metrics-address: cannot listen on ${address}: ${reason}`, { exitCode: 2, cause: error });
  }
}

/** Names and units as Prometheus has them. */
function prometheus(bindAddress: string) {
  return {
    bindAddress,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
    histogramBucketOverrides: { [METRICS.latency]: LATENCY_BOUNDS },
  };
}
