import { SimplePlugin } from '@temporalio/plugin';
import type { InjectedSinks, Worker, WorkerOptions } from '@temporalio/worker';
import { createActivities } from './activities/create-activities.js';
import { Journals } from './activities/journals.js';
import { LanePools } from './activities/lane-pools.js';
import { type Tracing, tracedActivities } from './activities/tracing.js';
import { Withdrawals } from './activities/withdrawals.js';
import { WITHDRAWAL_SINK, type WithdrawalSinks } from './batch/withdrawal.js';
import { DEFAULT_BASE_URL } from './dria/default-base-url.js';
import { Endpoint } from './dria/endpoint.js';
import { resolveDataDir } from './embedded/data-dir.js';
import { openStorage } from './storage/open-storage.js';
import { isS3Root } from './storage/s3-location.js';

/** What a worker needs to run batches. Everything has a default from the environment. */
export interface DriaBatchPluginOptions {
  /** The endpoint's base URL. Default: `DRIA_BASE_URL`, else Dria's own. */
  readonly baseUrl?: string | undefined;
  /** The endpoint's key. Default: `DRIA_API_KEY`. Stays in this process: no argument, history, log or error has it. */
  readonly apiKey?: string | undefined;
  /**
   * Where run directories are: a folder that all workers share. Default: `DRIA_TEMPORAL_STORAGE`, else the folder of
   * the command line, so that both see the same runs on one machine.
   */
  readonly storage?: string | undefined;
  /** Requests in flight at most, on all workers with this plugin together. Default 100. */
  readonly maxRequests?: number | undefined;
  /**
   * Longest time that an answer waits to be written, ms. Default: `DRIA_TEMPORAL_FLUSH_INTERVAL` (seconds), else 1000;
   * 2000 on S3, where each write is a PUT that costs.
   */
  readonly flushIntervalMs?: number | undefined;
  /** Aborted when the worker is about to leave: packs hand back what they have not begun. */
  readonly drain?: AbortSignal | undefined;
  /** Makes spans of packs and requests: `globalTracing()` of `dria-temporal/telemetry`. Default: there are none. */
  readonly tracing?: Tracing | undefined;
}

/** Connections of a worker that says nothing of its requests. */
const DEFAULT_MAX_REQUESTS = 100;

/** Activities that a workflow task may start on the worker that ran it: without it each waits for a poll. */
const EAGER_ACTIVITIES = 100;

/** Longest times that an answer waits to be written, ms: to a folder, and to S3. */
const FILE_FLUSH_MS = 1_000;
const S3_FLUSH_MS = 2_000;

function defaultFlushInterval(root: string): number {
  return isS3Root(root) ? S3_FLUSH_MS : FILE_FLUSH_MS;
}

function flushIntervalOf({ DRIA_TEMPORAL_FLUSH_INTERVAL: text }: NodeJS.ProcessEnv): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const seconds = Number(text);
  if (seconds >= 0 && seconds <= 3600) return seconds * 1000;
  throw new RangeError(`DRIA_TEMPORAL_FLUSH_INTERVAL is ${text}: give seconds from 0 to 3600`);
}

/**
 * Makes a worker able to run `batchWorkflow`: supplies the activities and the pooled connections behind them, and closes
 * these when the worker ends. A plugin cannot add workflows to a bundle: re-export them from `dria-temporal/workflows`.
 */
export class DriaBatchPlugin extends SimplePlugin {
  readonly #endpoint: Endpoint;
  readonly #withdrawals: Withdrawals;
  #workers = 0;

  constructor(options: DriaBatchPluginOptions = {}) {
    const { env } = process;
    const apiKey = options.apiKey ?? env.DRIA_API_KEY;
    const endpoint = Endpoint.open({
      baseUrl: options.baseUrl ?? env.DRIA_BASE_URL ?? DEFAULT_BASE_URL,
      connections: options.maxRequests ?? DEFAULT_MAX_REQUESTS,
      ...(apiKey === undefined || apiKey === '' ? {} : { apiKey }),
    });
    const storage = openStorage(options.storage ?? (env.DRIA_TEMPORAL_STORAGE || resolveDataDir(undefined, env)));
    const flushIntervalMs = options.flushIntervalMs ?? flushIntervalOf(env) ?? defaultFlushInterval(storage.root);
    const { tracing } = options;
    const withdrawals = new Withdrawals();
    const activities = createActivities({
      endpoint,
      storage,
      journals: new Journals(storage, flushIntervalMs),
      lanePools: new LanePools(),
      withdrawals,
      ...(options.drain === undefined ? {} : { drain: options.drain }),
      ...(tracing === undefined ? {} : { tracing }),
    });
    const interceptors =
      tracing === undefined ? {} : { workerInterceptors: { activity: [tracedActivities(tracing, activities)] } };
    super({ name: 'dria-temporal', activities, ...interceptors });
    this.#endpoint = endpoint;
    this.#withdrawals = withdrawals;
  }

  override configureWorker(options: WorkerOptions): WorkerOptions {
    return super.configureWorker({
      maxEagerActivityReservationsPerWorkflowTask: EAGER_ACTIVITIES,
      ...options,
      sinks: { ...options.sinks, ...withdrawalSinks(this.#withdrawals) },
    });
  }

  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    this.#workers++;
    try {
      await super.runWorker(worker, next);
    } finally {
      // One plugin may serve several workers: the connections go with the last.
      if (--this.#workers === 0) await this.#endpoint.close();
    }
  }
}

function withdrawalSinks(withdrawals: Withdrawals): InjectedSinks<WithdrawalSinks> {
  return {
    [WITHDRAWAL_SINK]: { withdrawn: { fn: ({ runId }, activityId) => withdrawals.withdraw(runId, activityId) } },
  };
}
