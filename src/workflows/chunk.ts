import { CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import type { ChunkInput, ChunkResult } from '../batch/reports.js';
import { ChunkRun } from './chunk-run.js';
import { chunkOrdersSignal } from './messages.js';

/**
 * One chunk of a run: gives its items to models in packs, on the lanes that the parent grants, and writes its part.
 * Started by `batchWorkflow` only.
 */
export async function chunkWorkflow(input: ChunkInput): Promise<ChunkResult> {
  const chunk = new ChunkRun(input);
  setHandler(chunkOrdersSignal, (orders) => chunk.obey(orders));
  try {
    return await chunk.run();
  } catch (error) {
    // A cancelled pack still writes what it has: end after it, so that the answers are found when the run goes on.
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => chunk.drain());
    throw error;
  }
}
