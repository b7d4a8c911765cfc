import { SimplePlugin } from '@temporalio/plugin';
import type { Worker, WorkerOptions } from '@temporalio/worker';
import { createActivities } from './activities/create-activities.js';
import { DEFAULT_BASE_URL } from './dria/default-base-url.js';
import { Endpoint } from './dria/endpoint.js';
import { resolveDataDir } from './embedded/data-dir.js';
import { openStorage } from './storage/open-storage.js';

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
  /** Requests in flight on this worker at most, which sizes its pool of connections. Default 100. */
  readonly maxRequests?: number | undefined;
  /** Longest time that an answer waits to be written, ms. Default 1000. */
  readonly flushIntervalMs?: number | undefined;
  /** Aborted when the worker is about to leave: packs hand back what they have not begun. */
  readonly drain?: AbortSignal | undefined;
}

/** Connections of a worker that says nothing of its requests. */
const DEFAULT_MAX_REQUESTS = 100;

/** Activities that a workflow task may start on the worker that ran it: without it each waits for a poll. */
const EAGER_ACTIVITIES = 100;

/**
 * Makes a worker able to run `batchWorkflow`: supplies the activities and the pooled connections behind them, and closes
 * these when the worker ends. A plugin cannot add workflows to a bundle: re-export them from `dria-temporal/workflows`.
 */
export class DriaBatchPlugin extends SimplePlugin {
  readonly #endpoint: Endpoint;
  #workers = 0;

  constructor(options: DriaBatchPluginOptions = {}) {
    const { env } = process;
    const apiKey = options.apiKey ?? env.DRIA_API_KEY;
    const endpoint = Endpoint.open({
      baseUrl: options.baseUrl ?? env.DRIA_BASE_URL ?? DEFAULT_BASE_URL,
      connections: options.maxRequests ?? DEFAULT_MAX_REQUESTS,
      ...(apiKey === undefined || apiKey === '' ? {} : { apiKey }),
    });
    const activities = createActivities({
      endpoint,
      storage: openStorage(options.storage ?? (env.DRIA_TEMPORAL_STORAGE || resolveDataDir(undefined, env))),
      ...(options.drain === undefined ? {} : { drain: options.drain }),
      ...(options.flushIntervalMs === undefined ? {} : { flushIntervalMs: options.flushIntervalMs }),
    });
    super({ name: 'dria-temporal', activities });
    this.#endpoint = endpoint;
  }

  override configureWorker(options: WorkerOptions): WorkerOptions {
    return super.configureWorker({ maxEagerActivityReservationsPerWorkflowTask: EAGER_ACTIVITIES, ...options });
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
