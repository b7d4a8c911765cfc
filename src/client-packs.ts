import type { Client } from '@temporalio/client';
import { type PackBeat, packBeatSchema } from './batch/pack-beat.js';
import { decodePayloads, type Payloads } from './client-payloads.js';

/** Longest time that the server may take to tell, ms: who asks how a run goes is not kept by a hint. */
const ANSWER_MS = 1_000;

/** One execution of a workflow; without `runId` the newest. */
interface Execution {
  readonly workflowId: string;
  readonly runId?: string | undefined;
}

/**
 * How far the packs under way of a run are, by their newest heartbeats. They are activities of the chunks, which are
 * children of the run. Nothing of what the server does not tell, or not soon: it is a hint.
 */
export async function packBeats(client: Client, run: Execution): Promise<PackBeat[]> {
  return await client.withDeadline(Date.now() + ANSWER_MS, async () => {
    const { pendingChildren } = (await describe(client, run)) ?? {};
    const chunks = (pendingChildren ?? []).flatMap(({ workflowId }) => workflowId ?? []);
    return (await Promise.all(chunks.map((workflowId) => beatsOfChunk(client, { workflowId })))).flat();
  });
}

async function beatsOfChunk(client: Client, chunk: Execution): Promise<PackBeat[]> {
  const { pendingActivities } = (await describe(client, chunk)) ?? {};
  const packs = (pendingActivities ?? []).map(({ heartbeatDetails }) => beatOf(client, heartbeatDetails?.payloads));
  return (await Promise.all(packs)).flat();
}

/** None where there is no heartbeat yet, or one that the client's data converter does not know. */
async function beatOf(client: Client, payloads: Payloads | null | undefined): Promise<PackBeat[]> {
  const [details] = await decodePayloads(client, payloads).catch(() => []);
  const beat = packBeatSchema.safeParse(details);
  return beat.success ? [beat.data] : [];
}

/** Not by the handle, which decodes summaries that nobody looks at here. Undefined for one that cannot be described. */
async function describe({ workflowService, options }: Client, { workflowId, runId }: Execution) {
  const execution = { workflowId, ...(runId === undefined ? {} : { runId }) };
  return await workflowService
    .describeWorkflowExecution({ namespace: options.namespace, execution })
    .catch(() => undefined);
}
