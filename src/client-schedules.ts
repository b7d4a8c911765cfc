import { type Client, isGrpcServiceError, type ScheduleOverlapPolicy } from '@temporalio/client';
import { type BatchInput, batchInputSchema } from './batch/run.js';
import { dateOf } from './client-executions.js';
import { decodePayloads } from './client-payloads.js';
import { type StartBatch, startOptions, WORKFLOW_TYPE } from './start-batch.js';

/** What makes a schedule of runs. */
export interface BatchScheduleOptions {
  /** The schedule's id; that of each run is this and the time it was scheduled for. */
  readonly id: string;
  /** When runs start, as five or more fields of cron. */
  readonly cron: readonly string[];
  /** Time zone of the times, as `Europe/Berlin`. Default UTC. */
  readonly timeZone?: string;
  /** What happens when a run would start while the one before is unfinished. Default `SKIP`: it is left out. */
  readonly overlap?: ScheduleOverlapPolicy;
  /** What each run is started with. */
  readonly batch: Omit<StartBatch, 'id'>;
}

/** A schedule of runs in a list. */
export interface BatchSchedule {
  /** The schedule's id. */
  readonly id: string;
  /** It starts no runs until it is unpaused. */
  readonly paused: boolean;
  /** Why it is paused, or what else somebody has noted. */
  readonly note?: string;
  /** The next times it starts a run. */
  readonly next: readonly Date[];
  /** Ids of the newest runs that it has started, the newest last. */
  readonly recent: readonly string[];
}

/** All that the server has of a schedule of runs. */
export interface BatchScheduleDescription extends BatchSchedule {
  /** Task queue of the workers that run its runs. */
  readonly taskQueue: string;
  /** How many runs it has started. */
  readonly started: number;
  /** How many it has left out since another was unfinished. */
  readonly skipped: number;
  /** Ids of its unfinished runs. */
  readonly running: readonly string[];
  /** What each run is started with; absent if it cannot be read with this client's data converter. */
  readonly input?: BatchInput;
  /** Its times as they were given. */
  readonly cron: readonly string[];
}

type Service = Client['workflowService'];
type RawInfo = NonNullable<Awaited<ReturnType<Service['listSchedules']>>['schedules'][number]['info']>;

/** The gRPC status of a schedule that is not there. */
const NOT_FOUND = 5;

/** Schedules of runs, on any Temporal server. */
export class BatchSchedules {
  constructor(private readonly client: Client) {}

  /** Makes a schedule. Throws `ScheduleAlreadyRunning` if there is one with this id. */
  async create({ id, cron, timeZone, overlap, batch }: BatchScheduleOptions): Promise<void> {
    await this.client.schedule.create({
      scheduleId: id,
      spec: {
        // The server keeps the text behind # as it is, and of the times only what they mean.
        cronExpressions: cron.map((times) => (times.includes('#') ? times : `${times} # ${times}`)),
        ...(timeZone === undefined ? {} : { timezone: timeZone }),
      },
      action: { type: 'startWorkflow', workflowType: WORKFLOW_TYPE, ...startOptions({ ...batch, id }) },
      ...(overlap === undefined ? {} : { policies: { overlap } }),
    });
  }

  /** Lists the schedules of runs in the namespace. Those just made may be missing for a moment. */
  async *list(): AsyncGenerator<BatchSchedule, void, undefined> {
    const { workflowService, options } = this.client;
    let nextPageToken: Uint8Array | undefined;
    do {
      const page = await workflowService.listSchedules({
        namespace: options.namespace,
        maximumPageSize: 100,
        ...(nextPageToken === undefined ? {} : { nextPageToken }),
      });
      for (const { scheduleId, info } of page.schedules) {
        if (info?.workflowType?.name !== WORKFLOW_TYPE) continue;
        yield { id: scheduleId ?? '', ...stateOf(info.paused, info.notes), ...timesOf(info) };
      }
      nextPageToken = page.nextPageToken;
    } while (nextPageToken !== undefined && nextPageToken !== null && nextPageToken.length > 0);
  }

  /** Describes a schedule; undefined if there is none with this id, or it starts no runs of batches. */
  async describe(id: string): Promise<BatchScheduleDescription | undefined> {
    const { workflowService, options } = this.client;
    const found = await workflowService
      .describeSchedule({ namespace: options.namespace, scheduleId: id })
      .catch((error: unknown) => {
        if (isGrpcServiceError(error) && error.code === NOT_FOUND) return undefined;
        throw error;
      });
    const { schedule, info } = found ?? {};
    const action = schedule?.action?.startWorkflow;
    if (action?.workflowType?.name !== WORKFLOW_TYPE) return undefined;
    const [started] = await decodePayloads(this.client, action.input?.payloads).catch(() => []);
    const input = batchInputSchema.safeParse(started).data;
    return {
      id,
      ...stateOf(schedule?.state?.paused, schedule?.state?.notes),
      ...timesOf(info ?? {}),
      taskQueue: action.taskQueue?.name ?? '',
      started: Number(info?.actionCount ?? 0),
      skipped: Number(info?.overlapSkipped ?? 0),
      running: (info?.runningWorkflows ?? []).flatMap(({ workflowId }) => workflowId ?? []),
      cron: (schedule?.spec?.structuredCalendar ?? []).flatMap(({ comment }) => comment || []),
      ...(input === undefined ? {} : { input }),
    };
  }

  /** Starts no further runs until it is unpaused; runs under way go on. */
  async pause(id: string, note?: string): Promise<void> {
    await this.client.schedule.getHandle(id).pause(note);
  }

  async unpause(id: string, note?: string): Promise<void> {
    await this.client.schedule.getHandle(id).unpause(note);
  }

  /** Starts a run now, by the schedule's rule for runs that overlap. */
  async trigger(id: string): Promise<void> {
    await this.client.schedule.getHandle(id).trigger();
  }

  /** Removes a schedule; its runs stay. */
  async delete(id: string): Promise<void> {
    await this.client.schedule.getHandle(id).delete();
  }
}

function stateOf(
  paused: boolean | null | undefined,
  note: string | null | undefined,
): Pick<BatchSchedule, 'paused' | 'note'> {
  return { paused: paused === true, ...(note ? { note } : {}) };
}

function timesOf({
  futureActionTimes,
  recentActions,
}: Pick<RawInfo, 'futureActionTimes' | 'recentActions'>): Pick<BatchSchedule, 'next' | 'recent'> {
  return {
    next: (futureActionTimes ?? []).flatMap((time) => dateOf(time) ?? []),
    recent: (recentActions ?? []).flatMap(({ startWorkflowResult }) => startWorkflowResult?.workflowId ?? []),
  };
}
