import type { Client } from '@temporalio/client';
import type { ServersEnd } from './batch/end-of-run.js';
import { type PackHeartbeat, packHeartbeatSchema } from './batch/pack-heartbeat.js';
import { decodePayloads, type Payloads } from './client-payloads.js';

/** Longest time that the server may take to tell, ms: who asks how a run goes is not kept by a hint. */
const ANSWER_MS = 1_000;

/** One execution of a workflow; without `runId` the newest. */
interface Execution {
  readonly workflowId: string;
  readonly runId?: string | undefined;
}

/** What the server says of a run, and what its workers have told the server. */
export interface ServersView {
  /** How the execution has ended; absent if it has not, or the server does not say so soon. */
  readonly ended?: ServersEnd;
  /** How far the packs under way are, by their newest heartbeats. */
  readonly packs: readonly PackHeartbeat[];
}

/**
 * Returns what the server says of a run. Its packs are activities of the chunks, which are children of the run. What the
 * server does not tell, or not soon, is left out.
 */
export async function serversView(client: Client, run: Execution): Promise<ServersView> {
  return await client.withDeadline(Date.now() + ANSWER_MS, async () => {
    const { pendingChildren, workflowExecutionInfo } = (await describe(client, run)) ?? {};
    const ended = ENDS.get(workflowExecutionInfo?.status ?? 0);
    if (ended !== undefined) return { ended, packs: [] };
    const chunks = (pendingChildren ?? []).flatMap(({ workflowId }) => workflowId ?? []);
    const packs = await Promise.all(chunks.map((workflowId) => heartbeatsOfChunk(client, { workflowId })));
    return { packs: packs.flat() };
  });
}

/** How a closed execution has ended, by the server's number for it. One that continued as new has not. */
const ENDS: ReadonlyMap<number, ServersEnd> = new Map([
  [2, 'COMPLETED'],
  [3, 'FAILED'],
  [4, 'CANCELLED'],
  [5, 'TERMINATED'],
  [7, 'TIMED_OUT'],
]);

async function heartbeatsOfChunk(client: Client, chunk: Execution): Promise<PackHeartbeat[]> {
  const { pendingActivities } = (await describe(client, chunk)) ?? {};
  const packs = (pendingActivities ?? []).map(({ heartbeatDetails }) =>
    heartbeatOf(client, heartbeatDetails?.payloads),
  );
  return (await Promise.all(packs)).flat();
}

/** None where there is no heartbeat yet, or one that the client's data converter does not know. */
async function heartbeatOf(client: Client, payloads: Payloads | null | undefined): Promise<PackHeartbeat[]> {
  const [details] = await decodePayloads(client, payloads).catch(() => []);
  const heartbeat = packHeartbeatSchema.safeParse(details);
  return heartbeat.success ? [heartbeat.data] : [];
}

/** Not by the handle, which decodes summaries that nobody looks at here. Undefined for one that cannot be described. */
async function describe({ workflowService, options }: Client, { workflowId, runId }: Execution) {
  const execution = { workflowId, ...(runId === undefined ? {} : { runId }) };
  return await workflowService
    .describeWorkflowExecution({ namespace: options.namespace, execution })
    .catch(() => undefined);
}
