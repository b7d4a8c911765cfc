import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { Counts } from '../batch/counts.js';
import { decodeItems } from '../batch/item-ranges.js';
import type { ChunkInput } from '../batch/reports.js';
import { chunkWorkflow } from './chunk.js';
import { OrderLines, type WholeOrders } from './orders.js';

/** Who hears of the chunks. */
export interface ChunkListener {
  /** The newest orders for a chunk; undefined when it has ended. */
  orders(chunk: number): WholeOrders | undefined;
  /** A chunk can hear orders now, or is there no more. */
  changed(): void;
  ended(input: ChunkInput, counts: Counts): void | Promise<void>;
  failed(error: unknown): void;
}

/** The chunk workflows of a run: starts them, tells them what is so, and hears their ends. */
export class ChunkChildren {
  private readonly lines: OrderLines;
  private readonly scope = new CancellationScope();

  constructor(private readonly listener: ChunkListener) {
    this.lines = new OrderLines((chunk) => listener.orders(chunk));
  }

  /** Starts a chunk. */
  start(input: ChunkInput): void {
    this.scope.run(() => this.follow(input)).catch((error: unknown) => this.listener.failed(error));
  }

  /** Tells a chunk what is so now, as soon as it can hear. */
  tell(chunk: number): void {
    this.lines.tell(chunk);
  }

  /** Tells all chunks. */
  tellAll(): void {
    this.lines.tellAll();
  }

  /** Cancels all chunks, and waits until each has kept what it has and ended. */
  async cancel(): Promise<void> {
    this.scope.cancel();
    await CancellationScope.nonCancellable(() => condition(() => this.lines.size === 0));
  }

  private async follow(input: ChunkInput): Promise<void> {
    const { chunk, only, models, options } = input;
    const number = chunk.chunk;
    // A place among the lines before the child has started: a cancelled run waits for it too.
    this.lines.expect(number);
    try {
      const child = await startChild(chunkWorkflow, {
        workflowId: `${workflowInfo().workflowId}/${only === undefined ? 'chunk' : 'canary'}-${number}`,
        args: [input],
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: describeChunk(input),
      });
      this.lines.open(number, child, { models, options });
      this.listener.changed();
      const { counts } = await child.result();
      await this.listener.ended(input, counts);
    } finally {
      this.lines.close(number);
      this.listener.changed();
    }
  }
}

/** A chunk in words for the Web UI. */
function describeChunk({ chunk, only }: ChunkInput): string {
  if (only === undefined) return `Chunk ${chunk.chunk}: items #${chunk.first} and on`;
  return `Canary: ${decodeItems(only).length} of the items of chunk ${chunk.chunk}`;
}
