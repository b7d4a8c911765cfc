import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { onTestFinished } from 'vitest';
import { createActivities } from '../../src/activities/create-activities.js';
import { SharedRuns } from '../../src/activities/shared-runs.js';
import { Withdrawals } from '../../src/activities/withdrawals.js';
import type { BatchActivities, InferInput, PackResult, RequestOptions } from '../../src/batch/activity-contract.js';
import type { BatchInput, PreparedRun } from '../../src/batch/run.js';
import type { ExecutionChain } from '../../src/batch/step-contract.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { FileStorage } from '../../src/storage/file-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { ChunkLog } from '../../src/store/chunk-log.js';
import { ChunkLogs } from '../../src/store/chunk-logs.js';
import {
  type AnswerRecord,
  type FailureRecord,
  type OutcomeRecord,
  parseOutcome,
  type TryRecord,
} from '../../src/store/outcomes.js';
import { listSegments } from '../../src/store/segments.js';
import type { Webhooks } from '../../src/webhook/webhooks.js';

/** The run of all these tests, and the key that must never be seen. */
export const RUN = 'run-1';
export const KEY = 'dkn_live_secret';

/** The execution chain of all these tests. */
export const CHAIN: ExecutionChain = { namespace: 'default', firstRunId: 'first' };

/** The workflow's run id, as the environment of a test has it. */
export const RUN_ID = '00000000-0000-0000-0000-000000000000';

/** What an activity's worker may be told. */
export interface ActivityWorldOptions {
  readonly baseUrl: string;
  readonly wrap?: (storage: FileStorage) => Storage;
  readonly drain?: AbortSignal;
  readonly stagedOnly?: boolean;
  readonly flushIntervalMs?: number;
  readonly webhooks?: Webhooks;
}

/** Who runs an activity: the attempt, the activity's id; and what to do with its environment before it begins. */
export interface AttemptOptions {
  readonly attempt?: number;
  readonly activityId?: string;
  /** The chunk's workflow execution. */
  readonly workflowExecution?: { readonly workflowId: string; readonly runId: string };
  readonly heartbeatTimeoutMs?: number;
  readonly onStart?: (environment: MockActivityEnvironment) => void;
}

type Input<K extends keyof BatchActivities> = Parameters<BatchActivities[K]>[0];
type Result<K extends keyof BatchActivities> = Awaited<ReturnType<BatchActivities[K]>>;

const QUIET = new DefaultLogger('ERROR', () => undefined);

/** The activities of one worker with a storage folder and an endpoint of their own, in a real activity context. */
export class ActivityWorld {
  readonly storage: FileStorage;
  readonly activities: BatchActivities;
  readonly endpoint: Endpoint;
  readonly withdrawals = new Withdrawals();
  private readonly logs: ChunkLogs;

  private constructor(
    readonly folder: string,
    options: ActivityWorldOptions,
  ) {
    this.storage = new FileStorage(join(folder, 'storage'));
    this.endpoint = Endpoint.open({ baseUrl: options.baseUrl, apiKey: KEY });
    const storage = options.wrap?.(this.storage) ?? this.storage;
    this.logs = new ChunkLogs(storage, () => undefined, options.flushIntervalMs);
    this.activities = createActivities({
      storage,
      endpoint: this.endpoint,
      ...(options.drain === undefined ? {} : { drain: options.drain }),
      ...(options.stagedOnly === undefined ? {} : { stagedOnly: options.stagedOnly }),
      ...(options.webhooks === undefined ? {} : { webhooks: options.webhooks }),
      logs: this.logs,
      runs: new SharedRuns(),
      withdrawals: this.withdrawals,
    });
  }

  /** Opens a world that goes with the test. */
  static async open(options: ActivityWorldOptions): Promise<ActivityWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'dria-activities-'));
    const world = new ActivityWorld(folder, options);
    onTestFinished(async () => {
      await world.close();
      await rm(folder, { recursive: true, force: true });
    });
    return world;
  }

  /** Another worker on the same storage. */
  async beside(options: ActivityWorldOptions): Promise<ActivityWorld> {
    const world = new ActivityWorld(this.folder, options);
    onTestFinished(() => world.close());
    return world;
  }

  /** Closes what a worker that ends closes. */
  private async close(): Promise<void> {
    await Promise.all([this.endpoint.close(), this.logs.close()]);
  }

  /** Writes a file beside the storage. Returns its path. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  /** Reads a manifest of lines: prompts, whole lines, or raw text. */
  async prepare(lines: readonly (string | object)[], batch: Partial<BatchInput> = {}): Promise<PreparedRun> {
    const texts = lines.map((line) => JSON.stringify(typeof line === 'string' ? { prompt: line } : line));
    const input = await this.file('in.jsonl', `${texts.join('\n')}\n`);
    return await this.run('readManifest', { run: RUN, chain: CHAIN, batch: { input, ...batch } });
  }

  /** Runs an activity. */
  async run<K extends keyof BatchActivities>(
    name: K,
    input: Input<K>,
    { onStart, ...info }: AttemptOptions = {},
  ): Promise<Result<K>> {
    const environment = new MockActivityEnvironment({ activityType: name, ...info }, { logger: QUIET });
    onStart?.(environment);
    // The compiler does not see that the input and the result are those of the one activity with this name.
    const activity = this.activities[name] as unknown as (argument: Input<K>) => Promise<Result<K>>;
    return await environment.run<[Input<K>], Result<K>, typeof activity>(activity, input);
  }

  /** Runs `infer` over items of chunk 0. */
  async infer(items: string, more: InferChanges = {}, attempt: AttemptOptions = {}): Promise<PackResult> {
    return await this.run('infer', inferInput(items, more), { activityId: 'pack-1', ...attempt });
  }

  /** Returns the records of all segments of chunk 0, oldest segment first, without those of requests that went out. */
  async records(run = RUN): Promise<OutcomeRecord[]> {
    return (await this.allRecords(run)).filter((record) => !('sent' in record));
  }

  /** Returns all records of chunk 0. */
  async allRecords(run = RUN): Promise<OutcomeRecord[]> {
    const texts = await Promise.all((await this.segmentKeys(run)).map((key) => this.text(key)));
    return texts.flatMap((text) => text.split('\n').flatMap((line) => parseOutcome(Buffer.from(line)) ?? []));
  }

  /** Returns the answers of chunk 0 in the order of their items. */
  async answers(): Promise<AnswerRecord[]> {
    const records = await this.records();
    return byItem(records.flatMap((record) => ('result' in record ? record : [])));
  }

  /** Returns the failures of chunk 0 in the order of their items. */
  async failures(run = RUN): Promise<FailureRecord[]> {
    const records = await this.records(run);
    return byItem(records.flatMap((record) => ('failure' in record ? record : [])));
  }

  /** Returns the failed attempts of chunk 0 in the order of their items. */
  async tries(): Promise<TryRecord[]> {
    const records = await this.records();
    return byItem(records.flatMap((record) => ('try' in record ? record : [])));
  }

  /** Appends records to chunk 0 as a pack does. */
  async append(...records: readonly OutcomeRecord[]): Promise<void> {
    const log = new ChunkLog(this.storage, RUN, 0, () => undefined);
    for (const record of records) void log.append(record);
    await log.close();
  }

  /** An object's text. */
  async text(key: string): Promise<string> {
    return Buffer.from(await this.storage.get(key)).toString('utf8');
  }

  /** Returns the keys of all segments of chunk 0, oldest first. */
  async segmentKeys(run = RUN): Promise<string[]> {
    return await listSegments(this.storage, run, 0);
  }
}

function byItem<T extends { readonly item: number }>(records: readonly T[]): T[] {
  return [...records].sort((a, b) => a.item - b.item);
}

/** What a test's `infer` has beside its items; options that are left out have the values of all these tests. */
export type InferChanges = Partial<Omit<InferInput, 'options'>> & { readonly options?: Partial<RequestOptions> };

const OPTIONS: RequestOptions = { maxTokens: 100, temperature: 0.5, timeoutSecs: 20, retries: 3, detail: false };

export function inferInput(items: string, { options, ...more }: InferChanges = {}): InferInput {
  return {
    run: RUN,
    chunk: 0,
    target: 'qwen3.5:9b',
    modality: 'text',
    items,
    permits: 1,
    ...more,
    options: { ...OPTIONS, ...options },
  };
}

/** What the pack had done whose failure this is. */
export function resultIn(failure: ApplicationFailure): PackResult {
  const [result] = failure.details ?? [];
  // The activity's own type: it is not parsed on its way here.
  return result as PackResult;
}

/** The failure with which an activity ends. Fails when it does not. */
export async function failureOf(call: Promise<unknown>): Promise<ApplicationFailure> {
  const error: unknown = await call.then(
    () => new Error('the activity did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof ApplicationFailure) return error;
  throw error;
}
