import { fileURLToPath } from 'node:url';
import { SimplePlugin } from '@temporalio/plugin';
import type { InjectedSinks, Worker, WorkerOptions } from '@temporalio/worker';
import { createActivities, prefixed } from './activities/create-activities.js';
import { type Tracing, tracedActivities } from './activities/tracing.js';
import { warn } from './activities/warn.js';
import { Withdrawals } from './activities/withdrawals.js';
import { ACTIVITY_PREFIX } from './batch/activity-contract.js';
import { WITHDRAWAL_SINK, type WithdrawalSinks } from './batch/withdrawal.js';
import { DEFAULT_BASE_URL } from './dria/default-base-url.js';
import { Endpoint } from './dria/endpoint.js';
import { affordableRequests } from './dria/open-files.js';
import { parseOwnHeaders } from './dria/own-headers.js';
import { openEndpoints, type WorkerEndpoint } from './endpoints.js';
import { batchServiceHandler } from './nexus-handler.js';
import { oneServed, Served, type ServedPlaces, ServedTenants } from './served.js';
import { type StorageOption, storageOf } from './storage-option.js';
import { ChunkLogs } from './store/chunk-logs.js';
import type { Tenant } from './tenants.js';
import { splitHosts, type WebhookHosts } from './webhook/hosts.js';
import { Webhooks } from './webhook/webhooks.js';

/** What a worker needs to run batches. Everything has a default from the environment. */
export interface DriaBatchPluginOptions {
  /** The endpoint's base URL. Default: `DRIA_BASE_URL`, else Dria's own. */
  readonly baseUrl?: string | undefined;
  /** The endpoint's key. Default: `DRIA_API_KEY`. Stays in this process: no argument, history, log or error has it. */
  readonly apiKey?: string | undefined;
  /**
   * Where run directories are: a folder that all workers share, a bucket, or a `Storage` of one's own. Default:
   * `DRIA_TEMPORAL_STORAGE`, else the folder of the command line, so that both see the same runs on one machine.
   */
  readonly storage?: StorageOption | undefined;
  /**
   * Keys of several tenants, which the namespace and the task queue of a run decide. With it `apiKey` and `DRIA_API_KEY` are
   * not used, and a run that no entry is for is refused.
   */
  readonly tenants?: readonly Tenant[] | undefined;
  /**
   * Endpoints that runs may name (`options.endpoints`), with their keys. Runs that name none go to `baseUrl`. Not together with
   * `tenants`. Default: none.
   */
  readonly endpoints?: readonly WorkerEndpoint[] | undefined;
  /**
   * Handles the Nexus service `batch`, with the operations `run` and `status`. Needs the packages `@temporalio/nexus` and
   * `nexus-rpc`. Default false.
   */
  readonly nexus?: boolean | undefined;
  /**
   * Maximum requests in flight, on all workers with this plugin together; with `tenants` for each of them. Default 100. Fewer
   * if this process may not open the files for so many (`ulimit -n`).
   */
  readonly maxRequests?: number | undefined;
  /**
   * Longest time that an answer waits for a sync to the disk (ms), on S3 for its PUT, which costs. Default:
   * `DRIA_TEMPORAL_FLUSH_INTERVAL` (seconds), else 1000; 2000 on S3.
   */
  readonly flushIntervalMs?: number | undefined;
  /**
   * Refuses runs whose input is not staged in the storage with the same rules of attachments: no path that comes with a
   * workflow's argument is read. For a server that others can reach than those who may read this machine's files. Default: false.
   */
  readonly stagedOnly?: boolean | undefined;
  /**
   * Secret that webhooks are signed with: `whsec_` and 24 to 64 bytes in base64; several with spaces in between. Default:
   * `DRIA_WEBHOOK_SECRET`. Without one no webhook is sent.
   */
  readonly webhookSecret?: string | undefined;
  /**
   * Hosts that webhooks of runs may go to: `hooks.example.com`, `hooks.example.com:8443`, `*.example.com`, `*` for any host
   * whose addresses are public; `any` for all, those of this machine and its network included. Default:
   * `DRIA_TEMPORAL_WEBHOOK_HOSTS` (commas in between), else none.
   */
  readonly webhookHosts?: WebhookHosts | undefined;
  /** Makes spans of packs and requests: `globalTracing()` of `dria-temporal/telemetry`. Default: there are none. */
  readonly tracing?: Tracing | undefined;
}

/** Connections of a worker that says nothing of its requests. */
const DEFAULT_MAX_REQUESTS = 100;

/** Activities that a workflow task may start on the worker that ran it: without it each waits for a poll. */
const EAGER_ACTIVITIES = 100;

/** The SDK's own number of activity slots: a worker's other activities keep them beside the packs. */
const OTHER_ACTIVITY_SLOTS = 100;

/** Time for requests in flight at shutdown (ms). Without any the SDK cuts them off, and their answers are paid twice. */
const SHUTDOWN_GRACE_MS = 30_000;

/** Longest time until packs stop sending requests when their worker shuts down (ms). */
const SHUTDOWN_NOTICE_MS = 50;

function flushIntervalOf({ DRIA_TEMPORAL_FLUSH_INTERVAL: text }: NodeJS.ProcessEnv): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const seconds = Number(text);
  if (seconds >= 0 && seconds <= 3600) return seconds * 1000;
  throw new RangeError(`DRIA_TEMPORAL_FLUSH_INTERVAL is ${text}: give seconds from 0 to 3600`);
}

/**
 * Makes a worker able to run `batchWorkflow`: supplies the activities, whose names begin with `dria.`, and the pooled
 * connections behind them. One plugin serves any number of workers, at once or one after the other; connections and files
 * are closed when the last of them ends. A plugin cannot add workflows to a bundle: re-export them from
 * `dria-temporal/workflows`.
 *
 * What a worker's own options leave out it sets: `shutdownGraceTime` (30 s, in which requests in flight are finished and
 * kept), `maxConcurrentActivityTaskExecutions` (the SDK's 100 and `maxRequests`, so that other activities need not wait for
 * packs) and `maxEagerActivityReservationsPerWorkflowTask` (100).
 */
export class DriaBatchPlugin extends SimplePlugin {
  readonly #maxRequests: number;
  readonly #tracing: Tracing | undefined;
  readonly #stagedOnly: boolean;
  readonly #served: ServedPlaces;
  readonly #withdrawals = new Withdrawals();
  /** What drains the packs of each worker, by the worker's own `infer`. */
  readonly #drains = new WeakMap<object, AbortController>();
  #running = 0;
  /** Loaded here, and not by whoever only starts runs: a client needs no native code. */
  #sdk: Sdk | undefined;

  constructor(options: DriaBatchPluginOptions = {}) {
    const { env } = process;
    const { tracing, tenants } = options;
    super({
      name: 'dria-temporal',
      ...(options.nexus === true ? { nexusServices: [batchServiceHandler()] } : {}),
      ...(tracing === undefined ? {} : { workerInterceptors: { activity: [tracedActivities(tracing)] } }),
    });
    if (tenants !== undefined && options.endpoints !== undefined) {
      throw new TypeError('tenants and endpoints are both given: each tenant has one endpoint with one key');
    }
    this.#tracing = tracing;
    this.#stagedOnly = options.stagedOnly === true;
    this.#maxRequests = Math.max(1, Math.min(options.maxRequests ?? DEFAULT_MAX_REQUESTS, affordableRequests()));
    const open = opener(options, this.#maxRequests);
    const apiKey = options.apiKey ?? env.DRIA_API_KEY ?? '';
    const webhookSecret = options.webhookSecret ?? env.DRIA_WEBHOOK_SECRET;
    this.#served =
      tenants === undefined ? oneServed(open({ apiKey, webhookSecret })) : new ServedTenants(tenants, open);
    import('@temporalio/worker').then(
      (sdk) => {
        this.#sdk = sdk;
      },
      () => undefined,
    );
  }

  override configureWorker(options: WorkerOptions): WorkerOptions {
    // Given to the connection as well as to the worker.
    if (this.#drainOf(new Map(Object.entries(options.activities ?? {}))) !== undefined) return options;
    refuseOtherPlugin(options, this);
    refuseSameName(options);
    const { maxConcurrentActivityTaskExecutions, tuner, shutdownGraceTime = SHUTDOWN_GRACE_MS } = options;
    const isUnbounded = maxConcurrentActivityTaskExecutions === undefined && tuner === undefined;
    return super.configureWorker({
      maxEagerActivityReservationsPerWorkflowTask: EAGER_ACTIVITIES,
      ...options,
      ...(isUnbounded ? { maxConcurrentActivityTaskExecutions: OTHER_ACTIVITY_SLOTS + this.#maxRequests } : {}),
      ...withReadableSignals(options),
      shutdownGraceTime,
      activities: { ...options.activities, ...this.#activities() },
      sinks: { ...options.sinks, ...withdrawalSinks(this.#withdrawals) },
    });
  }

  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    refuseOtherSdk(worker, this.#sdk);
    const watch = abortAtShutdown(worker, this.#drainOf(worker.options.activities));
    this.#running++;
    try {
      await super.runWorker(worker, next);
    } finally {
      clearInterval(watch);
      if (--this.#running === 0) await this.#served.close();
    }
  }

  /** The activities of one worker. Their names and what they share are those of all. */
  #activities(): Record<string, object> {
    const served = this.#served;
    const drain = new AbortController();
    const activities = prefixed(
      createActivities({
        // By where the activity runs: what a run says chooses no key.
        get endpoint() {
          return served.here().endpoint;
        },
        get endpoints() {
          return served.here().endpoints;
        },
        get tenant() {
          return served.here().tenant;
        },
        get storage() {
          return served.here().storage;
        },
        get logs() {
          return served.here().logs;
        },
        get runs() {
          return served.here().runs;
        },
        get webhooks() {
          return served.here().webhooks;
        },
        withdrawals: this.#withdrawals,
        drain: drain.signal,
        stagedOnly: this.#stagedOnly,
        ...(this.#tracing === undefined ? {} : { tracing: this.#tracing }),
      }),
    );
    const infer = activities[INFER];
    if (infer !== undefined) this.#drains.set(infer, drain);
    return activities;
  }

  #drainOf(activities: ReadonlyMap<string, unknown>): AbortController | undefined {
    const infer = activities.get(INFER);
    return typeof infer === 'function' ? this.#drains.get(infer) : undefined;
  }
}

/** Returns what opens that which a tenant's runs are served with, or those of a plugin without tenants. */
function opener(
  options: DriaBatchPluginOptions,
  connections: number,
): (
  tenant: Pick<Tenant, 'apiKey' | 'baseUrl' | 'storage' | 'webhookHosts' | 'webhookSecret'> & {
    readonly name?: string;
  },
) => Served {
  const { env } = process;
  // They may hold a key: the process's own are not sent for a tenant.
  const withOwn = options.tenants === undefined && env.DRIA_HEADERS;
  const headers = withOwn ? { headers: parseOwnHeaders(withOwn) } : {};
  const flushIntervalMs = options.flushIntervalMs ?? flushIntervalOf(env);
  const plainUrl = options.baseUrl ?? env.DRIA_BASE_URL ?? DEFAULT_BASE_URL;
  const plainHosts = options.webhookHosts ?? splitHosts(env.DRIA_TEMPORAL_WEBHOOK_HOSTS ?? '');
  return ({
    name,
    apiKey,
    baseUrl = plainUrl,
    storage = options.storage,
    webhookSecret,
    webhookHosts = plainHosts,
  }) => {
    const opened = storageOf(storage, env);
    const key = apiKey === '' ? {} : { apiKey };
    const open = () => ({
      endpoint: Endpoint.open({ baseUrl, connections, ...key, ...headers }),
      endpoints: openEndpoints(options.endpoints ?? [], connections),
    });
    const webhooks = new Webhooks({ secret: webhookSecret, hosts: webhookHosts });
    return new Served(open, opened, new ChunkLogs(opened, warn, flushIntervalMs), webhooks, name);
  };
}

type Sdk = typeof import('@temporalio/worker');

/** The activity by which a worker is known. */
const INFER = `${ACTIVITY_PREFIX}infer`;

/** Makes packs hand back what they have not begun as soon as their worker shuts down. */
function abortAtShutdown(worker: Worker, drain: AbortController | undefined): NodeJS.Timeout {
  const watch = setInterval(() => {
    const state = worker.getState();
    if (state !== 'INITIALIZED' && state !== 'RUNNING') drain?.abort();
  }, SHUTDOWN_NOTICE_MS);
  return watch.unref();
}

/** Without its ending, which is another one where the sources run. */
const READABLE_SIGNALS = fileURLToPath(new URL('./workflows/readable-signals', import.meta.url));

/** Returns the interceptors of a worker that bundles its workflows, unless signals are read by a converter of its own. */
function withReadableSignals({ workflowsPath, dataConverter, interceptors }: WorkerOptions): Partial<WorkerOptions> {
  if (workflowsPath === undefined || dataConverter?.payloadConverterPath !== undefined) return {};
  const workflowModules = [...(interceptors?.workflowModules ?? []), READABLE_SIGNALS];
  return { interceptors: { ...interceptors, workflowModules } };
}

function refuseOtherPlugin({ plugins = [] }: WorkerOptions, own: DriaBatchPlugin): void {
  if (plugins.every((plugin) => plugin === own || plugin.name !== own.name)) return;
  throw new TypeError(
    'the worker has two DriaBatchPlugins: give it one. Two endpoints need two workers, each on a task queue of its own',
  );
}

function refuseSameName({ activities = {} }: WorkerOptions): void {
  const name = Object.keys(activities).find((known) => known.startsWith(ACTIVITY_PREFIX));
  if (name === undefined) return;
  throw new TypeError(
    `the worker has an activity "${name}": names that begin with ${ACTIVITY_PREFIX} are those of dria-temporal; rename it`,
  );
}

/** Refuses a worker of another copy of the SDK: each of its workflow tasks would fail, again and again. */
function refuseOtherSdk(worker: Worker, sdk: Sdk | undefined): void {
  if (sdk === undefined || worker instanceof sdk.Worker) return;
  throw new TypeError(
    'the worker is of another copy of @temporalio/worker than the one that dria-temporal finds: have one copy of each ' +
      '@temporalio package (npm ls @temporalio/worker shows them, npm dedupe removes what is double)',
  );
}

function withdrawalSinks(withdrawals: Withdrawals): InjectedSinks<WithdrawalSinks> {
  return {
    [WITHDRAWAL_SINK]: { withdrawn: { fn: ({ runId }, activityId) => withdrawals.withdraw(runId, activityId) } },
  };
}
