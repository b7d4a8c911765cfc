import { createNexusServiceClient } from '@temporalio/workflow';
import type { BatchInput, BatchResult } from '../../src/batch/run.js';
import { batchService } from '../../src/nexus.js';

/** Runs a batch that another namespace's workers do. */
export async function callBatch(
  endpoint: string,
  id: string,
  input: BatchInput,
): Promise<{ readonly result: BatchResult; readonly state: string }> {
  const client = createNexusServiceClient({ endpoint, service: batchService });
  const result = await client.executeOperation('run', { id, input });
  const { state } = await client.executeOperation('status', { id });
  return { result, state };
}
