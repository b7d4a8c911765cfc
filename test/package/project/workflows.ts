import { executeChild } from '@temporalio/workflow';
import type { BatchInput, BatchResult } from 'dria-temporal';
import { batchWorkflow } from 'dria-temporal/workflows';

export { batchWorkflow, chunkWorkflow } from 'dria-temporal/workflows';

/** A workflow of the project's own with a batch as its child. Returns how many items were answered. */
export async function answer(input: BatchInput): Promise<number> {
  const result: BatchResult = await executeChild(batchWorkflow, { args: [input] });
  return result.ok;
}
