import type { DataConverter } from '@temporalio/common';
import {
  DefaultLogger,
  type MetricsExporterConfig,
  NativeConnection,
  type NativeConnectionOptions,
  Runtime,
  type Worker,
} from '@temporalio/worker';
import type { WorkerEndpoint } from '../endpoints.js';
import { LATENCY_BOUNDS, METRICS } from '../metric-names.js';
import { DriaBatchPlugin } from '../plugin.js';
import { telemetryAsked } from '../telemetry/asked.js';
import type { Telemetry } from '../telemetry/open.js';
import { type Place, placesOfTenants, type Tenant } from '../tenants.js';
import type { WebhookHosts } from '../webhook/hosts.js';
import { type BatchWorkerOptions, createBatchWorker, type WorkerVersion } from '../worker.js';
import { UserError } from './errors.js';

/** A worker in this process. */
export interface LocalWorker {
  /** Rejects when the worker cannot go on; resolves when it has left. */
  readonly done: Promise<void>;
  /** Why it cannot take work now; undefined when it can. */
  unready(): Promise<string | undefined>;
  /** Ends after the requests in flight, which are kept; gives back all that was not begun. Idempotent. */
  leave(): Promise<void>;
}

/** What a worker in this process serves. */
export interface LocalWorkerOptions {
  readonly taskQueues: readonly string[];
  readonly storage: string;
  readonly baseUrl: string;
  /** Several tenants, each with its key: then what they name is served, and the task queues are those of whoever names none. */
  readonly tenants?: readonly Tenant[] | undefined;
  /** Endpoints that runs may name. */
  readonly endpoints?: readonly WorkerEndpoint[] | undefined;
  /** Requests in flight at most, of all task queues together. */
  readonly maxRequests: number;
  /** Activities, and workflow tasks, at once for each task queue. */
  readonly activitySlots?: number | undefined;
  readonly workflowSlots?: number | undefined;
  /** How long requests in flight may take to end when the worker leaves, ms. */
  readonly shutdownGraceMs: number;
  /** The version of these workers, for Worker Versioning. */
  readonly deployment?: WorkerVersion | undefined;
  /** Several runs share the task queues. */
  readonly shared?: boolean;
  /** Where Prometheus finds the metrics, `host:port` with a host in numbers. */
  readonly metricsAddress?: string | undefined;
  /** Hosts that webhooks of runs may go to. Default: any for what this user's commands have staged, else none. */
  readonly webhookHosts?: WebhookHosts | undefined;
  /** Tells of trouble inside the SDK. */
  readonly onLog: (message: string) => void;
}

/** Where a worker in this process polls, and how it reads what it gets. */
interface WorkerServer {
  readonly connection: NativeConnectionOptions;
  readonly namespace: string;
  /** Loads how payloads of a namespace are made and read. */
  readonly converterOf: (namespace: string) => Promise<DataConverter | undefined>;
  readonly identity: string | undefined;
  /** The endpoint's key. */
  readonly apiKey: string | undefined;
  /** Takes only what this user's commands have staged. */
  readonly stagedOnly: boolean;
}

/** How long Temporal may take to say that it is there, ms. */
const HEALTH_MS = 2_000;

/** Starts a worker that runs batches, for one task queue or several. */
export async function startLocalWorker(options: LocalWorkerOptions & WorkerServer): Promise<LocalWorker> {
  const telemetry = await openTelemetry(options);
  installRuntime(options, telemetry);
  const { activities: tracing, sinks: traceSinks } = telemetry?.tracing ?? {};
  const { storage, baseUrl, tenants, endpoints, maxRequests, stagedOnly, apiKey = '' } = options;
  const { webhookHosts = stagedOnly ? 'any' : undefined } = options;
  const places = placesOf(options);
  const converters = new Map<string, DataConverter | undefined>();
  for (const { namespace } of places) {
    if (!converters.has(namespace)) converters.set(namespace, await converterFor(namespace, options));
  }
  const connection = await NativeConnection.connect(options.connection);
  const plugin = new DriaBatchPlugin({
    storage,
    baseUrl,
    apiKey,
    tenants,
    endpoints,
    maxRequests,
    stagedOnly,
    tracing,
    webhookHosts,
  });
  const workers = await Promise.all(
    places.map((place) =>
      createWorker(place, {
        ...options,
        connection,
        plugin,
        traceSinks,
        dataConverter: converters.get(place.namespace),
      }),
    ),
  );
  const leave = (): void => {
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

/** Returns where workers poll: at the tenants' places, or on the task queues of the one namespace. */
function placesOf({ tenants, taskQueues, namespace }: LocalWorkerOptions & WorkerServer): Place[] {
  const own = taskQueues.map((taskQueue) => ({ namespace, taskQueue }));
  return tenants === undefined ? own : placesOfTenants(tenants, own);
}

async function converterFor(namespace: string, { converterOf }: WorkerServer): Promise<DataConverter | undefined> {
  const converter = await converterOf(namespace);
  // A worker that cannot encode would fail the same tasks again and again.
  for (const codec of converter?.payloadCodecs ?? []) await codec.encode([]);
  return converter;
}

function createWorker(
  place: Place,
  options: Omit<LocalWorkerOptions, 'tenants'> &
    Pick<BatchWorkerOptions, 'connection' | 'plugin' | 'traceSinks' | 'dataConverter'> &
    Pick<WorkerServer, 'identity'>,
): Promise<Worker> {
  const { connection, plugin, maxRequests, activitySlots, workflowSlots, shutdownGraceMs } = options;
  const { shared = false, traceSinks, dataConverter, identity } = options;
  return createBatchWorker({
    ...place,
    connection,
    ...(plugin === undefined ? {} : { plugin }),
    maxRequests,
    shutdownGraceMs,
    shared,
    deployment: options.deployment,
    traceSinks,
    dataConverter,
    ...(identity === undefined ? {} : { identity }),
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
