import { CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import type { ChunkInput, ChunkResult } from '../batch/chunk-messages.js';
import { ChunkRun } from './chunk-run.js';
import { chunkOrdersSignal } from './messages.js';

/**
 * One chunk of a run: gives its items to targets in packs, within the permits that the parent grants, and writes its part.
 * Started by `batchWorkflow` only.
 */
export async function chunkWorkflow(input: ChunkInput): Promise<ChunkResult> {
  const chunk = new ChunkRun(input);
  setHandler(chunkOrdersSignal, (orders: unknown) => chunk.receiveOrders(orders));
  try {
    return await chunk.run();
  } catch (error) {
    // A cancelled pack still records what it has: the workflow ends after it, so that the outcomes are found later.
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => chunk.drain());
    throw error;
  }
}
