import {
  CancellationScope,
  ChildWorkflowCancellationType,
  type ChildWorkflowHandle,
  condition,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { ChunkInput, ChunkOrders, ChunkResult } from '../batch/chunk-messages.js';
import { countItems } from '../batch/item-ranges.js';
import type { chunkWorkflow } from './chunk.js';
import { LatestSender } from './latest-sender.js';
import { chunkOrdersSignal } from './messages.js';

/** The workflow's name. By its function it would be another one where a bundle has renamed that. */
const CHUNK_WORKFLOW = 'chunkWorkflow';

/** Receives what becomes of the chunks. */
export interface ChunkListener {
  /** Returns the newest orders for a chunk; undefined if it has ended. */
  orders(chunk: number): ChunkOrders | undefined;
  started(): void;
  ended(chunk: number, result: ChunkResult): void;
  failed(error: unknown): void;
}

interface Child {
  /** Absent while the child is being started. */
  sender?: LatestSender;
  /** The orders have changed since its start was requested. */
  isOutdated: boolean;
}

/** The chunk workflows of a run: starts them, sends them orders and receives their results. */
export class ChunkChildren {
  private readonly children = new Map<number, Child>();
  private readonly scope = new CancellationScope();

  constructor(private readonly listener: ChunkListener) {}

  /** Starts a chunk. */
  start(input: ChunkInput): void {
    this.scope.run(() => this.follow(input)).catch((error: unknown) => this.listener.failed(error));
  }

  /** Sends a chunk its newest orders, as soon as it can receive them. */
  notify(chunk: number): void {
    const child = this.children.get(chunk);
    if (child?.sender === undefined) {
      if (child !== undefined) child.isOutdated = true;
    } else child.sender.notify();
  }

  /** Sends all chunks their newest orders. */
  notifyAll(): void {
    for (const chunk of this.children.keys()) this.notify(chunk);
  }

  /** Cancels all chunks, and waits until each has recorded what it has and ended. */
  async cancel(): Promise<void> {
    this.scope.cancel();
    await CancellationScope.nonCancellable(() => condition(() => this.children.size === 0));
  }

  private async follow(input: ChunkInput): Promise<void> {
    const { chunk } = input.chunk;
    const child: Child = { isOutdated: false };
    // Counted before it has started: a cancelled run waits for it too.
    this.children.set(chunk, child);
    try {
      const handle = await startChild<typeof chunkWorkflow>(CHUNK_WORKFLOW, {
        workflowId: `${workflowInfo().workflowId}/chunk-${chunk}`,
        args: [input],
        // After a reset of the run, or its termination, the chunk of before may still be there. It has kept what it has done.
        workflowIdReusePolicy: WorkflowIdReusePolicy.TERMINATE_IF_RUNNING,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: describeChunk(input),
      });
      child.sender = new LatestSender(() => this.send(handle, chunk), 'orders');
      if (child.isOutdated) child.sender.notify();
      this.listener.started();
      this.listener.ended(chunk, await handle.result());
    } finally {
      this.children.delete(chunk);
    }
  }

  private async send(handle: ChildWorkflowHandle<typeof chunkWorkflow>, chunk: number): Promise<void> {
    const orders = this.listener.orders(chunk);
    if (orders !== undefined) await handle.signal(chunkOrdersSignal, orders);
  }
}

/** Describes a chunk for the Web UI. */
function describeChunk({ chunk, canary }: ChunkInput): string {
  const first = `Chunk ${chunk.chunk}: items from #${chunk.first}`;
  return canary === undefined ? first : `${first}, ${countItems(canary.items)} of them in the canary`;
}
