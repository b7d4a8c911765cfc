import { type ChildWorkflowHandle, log } from '@temporalio/workflow';
import type { ModelTable } from '../batch/model-table.js';
import type { ChunkOrders } from '../batch/reports.js';
import type { WorkflowOptions } from '../batch/run.js';
import type { chunkWorkflow } from './chunk.js';
import { chunkOrdersSignal } from './messages.js';

/** What a chunk is told, whole. */
export interface WholeOrders extends ChunkOrders {
  readonly models: ModelTable;
  readonly options: WorkflowOptions;
}

/** What a chunk knows: what it was started with, or was told last. */
export type KnownOrders = Pick<WholeOrders, 'models' | 'options'>;

/** Sends orders to one chunk, one signal at a time; what changes meanwhile goes out together in the next. */
export class OrderLine {
  private sending = false;
  private wanted = false;

  constructor(
    private readonly chunk: ChildWorkflowHandle<typeof chunkWorkflow>,
    private known: KnownOrders,
    /** The newest orders, asked for when they are sent; undefined when the chunk has ended. */
    private readonly orders: () => WholeOrders | undefined,
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
        // What became new after the last look at it, and before this: nobody else would send it.
        if (this.wanted) this.send();
      });
  }

  private async flush(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      const orders = this.orders();
      if (orders === undefined) return;
      await this.chunk.signal(chunkOrdersSignal, this.news(orders));
    }
  }

  /** Most orders are about lanes: the table and the options go along only when they say something new. */
  private news({ models, options, ...rest }: WholeOrders): ChunkOrders {
    const news = {
      ...rest,
      ...(models === this.known.models ? {} : { models }),
      ...(options === this.known.options ? {} : { options }),
    };
    this.known = { models, options };
    return news;
  }
}

/** The lines to all chunks that are running, those included that are only being started. */
export class OrderLines {
  /** Without a line while the child is being started. */
  private readonly lines = new Map<number, OrderLine | undefined>();
  /** Chunks that must be told something once they have a line. */
  private readonly untold = new Set<number>();

  constructor(private readonly orders: (chunk: number) => WholeOrders | undefined) {}

  /** Chunks that run or are being started. */
  get size(): number {
    return this.lines.size;
  }

  /** A chunk is being started. */
  expect(chunk: number): void {
    this.lines.set(chunk, undefined);
  }

  /** A chunk has started; `known` is what it was started with. */
  open(chunk: number, child: ChildWorkflowHandle<typeof chunkWorkflow>, known: KnownOrders): void {
    this.lines.set(chunk, new OrderLine(child, known, () => this.orders(chunk)));
    if (this.untold.delete(chunk)) this.tell(chunk);
  }

  /** A chunk has ended, or could not be started. */
  close(chunk: number): void {
    this.lines.delete(chunk);
    this.untold.delete(chunk);
  }

  /** Tells a chunk what is so now, as soon as it can hear. */
  tell(chunk: number): void {
    const line = this.lines.get(chunk);
    if (line === undefined) this.untold.add(chunk);
    else line.send();
  }

  /** Tells all chunks. */
  tellAll(): void {
    for (const chunk of this.lines.keys()) this.tell(chunk);
  }
}
