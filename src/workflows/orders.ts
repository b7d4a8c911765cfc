import { type ChildWorkflowHandle, log } from '@temporalio/workflow';
import type { ModelTable } from '../batch/model-table.js';
import type { ChunkOrders } from '../batch/reports.js';
import type { chunkWorkflow } from './chunk.js';
import { chunkOrdersSignal } from './messages.js';

/** Sends orders to one chunk, one signal at a time; what changes meanwhile goes out together in the next. */
export class OrderLine {
  private sending = false;
  private wanted = false;

  constructor(
    private readonly chunk: ChildWorkflowHandle<typeof chunkWorkflow>,
    /** The models that the chunk knows. */
    private models: ModelTable,
    /** The newest orders, asked for when they are sent; undefined when the chunk has ended. */
    private readonly orders: () => (ChunkOrders & { readonly models: ModelTable }) | undefined,
  ) {}

  /** Tells the chunk what is so now. */
  send(): void {
    this.wanted = true;
    if (this.sending) return;
    this.sending = true;
    this.flush()
      .catch((error: unknown) => {
        // The chunk has just ended: it needs no orders, and its lanes come back with its result.
        log.debug('orders not delivered', { error });
      })
      .finally(() => {
        this.sending = false;
      });
  }

  private async flush(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      const orders = this.orders();
      if (orders === undefined) return;
      const { models, ...rest } = orders;
      // Most orders are about lanes: the table goes along only when it says something new.
      const news = models === this.models ? rest : orders;
      this.models = models;
      await this.chunk.signal(chunkOrdersSignal, news);
    }
  }
}
