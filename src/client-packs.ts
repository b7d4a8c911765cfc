import type { Client } from '@temporalio/client';
import { type PackBeat, packBeatSchema } from './batch/pack-beat.js';
import { decodePayloads } from './client-payloads.js';

/**
 * How far the packs under way of a run are, by their newest heartbeats. They are activities of the chunks, which are
 * children of the run. Nothing where the server does not tell: it is a hint.
 */
export async function packBeats(client: Client, run: string): Promise<PackBeat[]> {
  try {
    const { pendingChildren } = await describe(client, run);
    const ids = (pendingChildren ?? []).flatMap(({ workflowId }) => workflowId ?? []);
    return (await Promise.all(ids.map((id) => beatsOfChunk(client, id)))).flat();
  } catch {
    return [];
  }
}

async function beatsOfChunk(client: Client, chunk: string): Promise<PackBeat[]> {
  const { pendingActivities } = await describe(client, chunk);
  const beats = (pendingActivities ?? []).map(async ({ heartbeatDetails }) => {
    const [details] = await decodePayloads(client, heartbeatDetails?.payloads);
    const beat = packBeatSchema.safeParse(details);
    return beat.success ? [beat.data] : [];
  });
  return (await Promise.all(beats)).flat();
}

/** Not by the handle, which decodes summaries that nobody looks at here. */
async function describe({ workflowService, options }: Client, workflowId: string) {
  return await workflowService.describeWorkflowExecution({ namespace: options.namespace, execution: { workflowId } });
}
