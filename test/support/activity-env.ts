import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { onTestFinished } from 'vitest';
import { createActivities } from '../../src/activities/create-activities.js';
import { Journals } from '../../src/activities/journals.js';
import { LanePools } from '../../src/activities/lane-pools.js';
import { readSegments, type SegmentRecord } from '../../src/activities/segments.js';
import { Withdrawals } from '../../src/activities/withdrawals.js';
import type { BatchInput, PreparedRun } from '../../src/batch/run.js';
import type { BatchActivities, InferInput, PackProgress } from '../../src/batch/work.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { FileStorage } from '../../src/storage/file-storage.js';
import { runDirectory } from '../../src/storage/run-directory.js';
import type { Storage } from '../../src/storage/storage.js';

/** The run of all these tests, and the key that must never be seen. */
export const RUN = 'run-1';
export const KEY = 'dkn_live_secret';

/** The workflow's run id, as the environment of a test has it. */
export const RUN_ID = '00000000-0000-0000-0000-000000000000';

/** What an activity's worker may be told. */
export interface ActivityWorldOptions {
  readonly baseUrl: string;
  readonly wrap?: (storage: FileStorage) => Storage;
  readonly drain?: AbortSignal;
  readonly flushIntervalMs?: number;
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

  private constructor(
    readonly folder: string,
    options: ActivityWorldOptions,
  ) {
    this.storage = new FileStorage(join(folder, 'storage'));
    this.endpoint = Endpoint.open({ baseUrl: options.baseUrl, apiKey: KEY });
    const storage = options.wrap?.(this.storage) ?? this.storage;
    this.activities = createActivities({
      storage,
      endpoint: this.endpoint,
      ...(options.drain === undefined ? {} : { drain: options.drain }),
      journals: new Journals(storage, options.flushIntervalMs ?? 1000),
      lanePools: new LanePools(),
      withdrawals: this.withdrawals,
    });
  }

  /** Opens a world that goes with the test. */
  static async open(options: ActivityWorldOptions): Promise<ActivityWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'dria-activities-'));
    const world = new ActivityWorld(folder, options);
    onTestFinished(async () => {
      await world.endpoint.close();
      await rm(folder, { recursive: true, force: true });
    });
    return world;
  }

  /** Another worker on the same storage. */
  async beside(options: ActivityWorldOptions): Promise<ActivityWorld> {
    const world = new ActivityWorld(this.folder, options);
    onTestFinished(() => world.endpoint.close());
    return world;
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
    return await this.run('readManifest', { run: RUN, batch: { input, ...batch } });
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
  async infer(items: string, more: Partial<InferInput> = {}, attempt: AttemptOptions = {}): Promise<PackProgress> {
    return await this.run('infer', inferInput(items, more), { activityId: 'pack-1', ...attempt });
  }

  /** What segments of chunk 0 hold, in their order. */
  async records(segments: readonly string[]): Promise<SegmentRecord[]> {
    const found = await readSegments(this.storage, RUN, 0);
    return segments.flatMap((name) => found.get(name) ?? []);
  }

  /** An object's text. */
  async text(key: string): Promise<string> {
    return Buffer.from(await this.storage.get(key)).toString('utf8');
  }

  /** Keys of all blocks of chunk 0. */
  async blockKeys(): Promise<string[]> {
    return await this.storage.list(runDirectory(RUN).segments(0));
  }
}

export function inferInput(items: string, more: Partial<InferInput> = {}): InferInput {
  return {
    run: RUN,
    chunk: 0,
    model: 'qwen3.5:9b',
    items,
    maxTokens: 100,
    temperature: 0.5,
    timeoutSecs: 20,
    detail: false,
    attempts: 0,
    tried: [],
    takeOver: [],
    alone: false,
    ...more,
  };
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
