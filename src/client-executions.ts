import type { Client, WorkflowExecutionStatusName } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './batch/search-names.js';
import { decodePayloads, type Payloads } from './client-payloads.js';

/** An execution of a run, as the server knows it. */
export interface RunExecution {
  /** The run's id. */
  readonly workflowId: string;
  /** Temporal's id of the execution. */
  readonly runId: string;
  /** Task queue of the workers that run it. */
  readonly taskQueue: string;
  /** Whether it runs, or how it has ended. */
  readonly status: { readonly name: WorkflowExecutionStatusName };
  /** When it started. */
  readonly startTime: Date;
  /** When it ended; absent while it runs. */
  readonly closeTime?: Date;
  /** Facts that were given with its start; empty if they cannot be read. */
  readonly memo: Readonly<Record<string, unknown>>;
  /** Why the memo cannot be read with this client's data converter; absent if it can. */
  readonly unreadable?: string;
  /** The only model it asks, or `any`, by its search attribute; absent if it has none. */
  readonly model?: string;
  /** 1 goes first, 5 last; absent for the default. */
  readonly priority?: number;
  /** The run's share of the workers beside other runs; absent for the default, 1. */
  readonly weight?: number;
}

type Service = Client['workflowService'];
type RawExecution = NonNullable<Awaited<ReturnType<Service['describeWorkflowExecution']>>['workflowExecutionInfo']>;

/** Names of the states of an execution, by their number in the API. */
const STATUSES: readonly WorkflowExecutionStatusName[] = [
  'UNSPECIFIED',
  'RUNNING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'CONTINUED_AS_NEW',
  'TIMED_OUT',
  'PAUSED',
];

/**
 * Lists the executions that a list filter lets through, in the server's order. Not by the SDK, whose list ends with an
 * error at the first execution with a memo that cannot be read.
 */
export async function* listExecutions(client: Client, query: string): AsyncGenerator<RunExecution, void, undefined> {
  const { workflowService, options } = client;
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await workflowService.listWorkflowExecutions({
      namespace: options.namespace,
      query,
      ...(nextPageToken === undefined ? {} : { nextPageToken }),
    });
    for (const raw of page.executions) yield await executionOf(client, raw);
    nextPageToken = page.nextPageToken;
  } while (nextPageToken !== undefined && nextPageToken !== null && nextPageToken.length > 0);
}

/** Returns an execution as the server describes it. A memo that cannot be read is said to be so. */
export async function executionOf(client: Client, raw: RawExecution): Promise<RunExecution> {
  const { execution, status, startTime, closeTime, memo, priority } = raw;
  return {
    workflowId: execution?.workflowId ?? '',
    runId: execution?.runId ?? '',
    taskQueue: raw.taskQueue ?? '',
    status: { name: STATUSES[status ?? 0] ?? 'UNKNOWN' },
    startTime: dateOf(startTime) ?? new Date(0),
    ...withDate(closeTime),
    ...(await readMemo(client, memo?.fields ?? {})),
    ...modelOf(raw.searchAttributes),
    // The server says 0 if none was given.
    ...(priority?.priorityKey ? { priority: priority.priorityKey } : {}),
    ...(priority?.fairnessWeight ? { weight: priority.fairnessWeight } : {}),
  };
}

function modelOf(attributes: RawExecution['searchAttributes']): Pick<RunExecution, 'model'> {
  const model = indexedValue(attributes, SEARCH_ATTRIBUTES.model);
  return typeof model === 'string' ? { model } : {};
}

/** Returns the value of a search attribute: JSON, which no codec changes. */
export function indexedValue(attributes: RawExecution['searchAttributes'], name: string): unknown {
  const { data } = attributes?.indexedFields?.[name] ?? {};
  return data ? JSON.parse(Buffer.from(data).toString()) : undefined;
}

/** Reads a memo, with one call of each codec. */
async function readMemo(
  client: Client,
  fields: Readonly<Record<string, Payloads[number]>>,
): Promise<Pick<RunExecution, 'memo' | 'unreadable'>> {
  try {
    const values = await decodePayloads(client, Object.values(fields));
    return { memo: Object.fromEntries(Object.keys(fields).map((name, at) => [name, values[at]])) };
  } catch (error) {
    return { memo: {}, unreadable: error instanceof Error ? error.message : String(error) };
  }
}

type Timestamp = RawExecution['startTime'];

function withDate(closeTime: Timestamp): Pick<RunExecution, 'closeTime'> {
  const date = dateOf(closeTime);
  return date === undefined ? {} : { closeTime: date };
}

/** Returns a time of the API as a date. */
export function dateOf(time: Timestamp): Date | undefined {
  if (time === null || time === undefined) return undefined;
  return new Date(Number(time.seconds ?? 0) * 1000 + Math.floor((time.nanos ?? 0) / 1e6));
}
