import { addRunning, type BatchState } from '../batch/batch-state.js';
import { firstAllowance } from '../batch/budget.js';
import { startCanaryChunk } from '../batch/canary.js';
import type { ChunkInput } from '../batch/chunk-messages.js';
import { dividedOf } from '../batch/item-groups.js';
import { countItems } from '../batch/item-ranges.js';
import { countLayout } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { addModalities, type ModalityCounts, sumOfModalities } from '../batch/modality.js';
import { countOpen } from '../batch/open-items.js';
import { ordersFor } from '../batch/permits.js';
import { steps } from './activities.js';
import { insist } from './insist.js';

/** What all chunks of a run are started with. */
export type ChunkDefaults = Pick<ChunkInput, 'run' | 'heartbeatTimeoutMs' | 'retryFailed'>;

/** A chunk that can start, and what is its own of its input. */
interface NextChunk extends Pick<ChunkInput, 'canary' | 'carried'> {
  readonly manifest: ChunkManifest;
  readonly offset: ModalityCounts;
  /** Items that it has to ask. */
  readonly open: number;
}

/** The chunks that have not started: those that yielded, those of a canary, then the manifest's, read a page at a time. */
export class NextChunks {
  private page: readonly ChunkManifest[] = [];

  constructor(
    private readonly defaults: ChunkDefaults,
    private readonly onTrouble: (reason: string) => void,
  ) {}

  /** Reads on in the manifest if the next chunk is not known. */
  async read(state: BatchState): Promise<void> {
    if (state.canary !== undefined && state.canary.phase !== 'passed') return;
    const { nextChunk, manifest } = state;
    this.page = this.page.filter(({ chunk }) => chunk >= nextChunk);
    if (this.page.length > 0 || nextChunk >= manifest.chunks) return;
    const { run } = this.defaults;
    this.page = (await insist(() => steps.readChunks({ run, from: nextChunk }), this.onTrouble)).chunks;
  }

  /** Returns the numbers of items of the chunks that can start now, in the order in which they do. */
  items(state: BatchState): readonly number[] {
    const { canary, yielded } = state;
    const first = yielded.map((chunk) => countOpen(chunk.state.open));
    if (canary !== undefined && canary.phase !== 'passed') {
      return [...first, ...canary.pending.map(({ items }) => countItems(items))];
    }
    const started = new Set(canary?.started ?? []);
    return [...first, ...this.page.filter(({ chunk }) => !started.has(chunk)).map(itemsToAsk)];
  }

  /** Starts the next chunk with some permits. Returns its input and the state with it; undefined if there is none. */
  start(state: BatchState, permits: number): { readonly input: ChunkInput; readonly state: BatchState } | undefined {
    const { next, state: taken } = this.takeNext(state);
    if (next === undefined) return undefined;
    const { manifest, offset, open, canary, carried } = next;
    const allowance = firstAllowance(taken);
    const started = addRunning(taken, { manifest, offset, permits, open, allowance }, carried?.counts);
    const orders = ordersFor(started, manifest.chunk);
    if (orders === undefined) return undefined;
    const input: ChunkInput = {
      ...this.defaults,
      chunk: manifest,
      offset,
      orders,
      ...(canary === undefined ? {} : { canary }),
      ...(carried === undefined ? {} : { carried }),
    };
    return { input, state: started };
  }

  private takeNext(state: BatchState): { readonly next?: NextChunk; readonly state: BatchState } {
    const [yielded, ...others] = state.yielded;
    if (yielded !== undefined) {
      const { manifest, offset, state: carried } = yielded;
      const next = { manifest, offset, carried, open: countOpen(carried.open) };
      return { next, state: { ...state, yielded: others } };
    }
    if (state.canary !== undefined && state.canary.phase !== 'passed') return takeCanary(state, state.canary);
    return this.takeFromPage(state);
  }

  private takeFromPage(state: BatchState): { readonly next?: NextChunk; readonly state: BatchState } {
    const [manifest, ...page] = this.page;
    this.page = page;
    if (manifest === undefined) return { state };
    const { offset } = state;
    const rest = { ...state, nextChunk: manifest.chunk + 1, offset: addModalities(offset, dividedOf(manifest)) };
    // A canary has started it before its turn.
    if (state.canary?.started.includes(manifest.chunk) === true) return this.takeFromPage(rest);
    return { next: { manifest, offset, open: itemsToAsk(manifest) }, state: rest };
  }
}

function takeCanary(
  state: BatchState,
  canary: NonNullable<BatchState['canary']>,
): { readonly next?: NextChunk; readonly state: BatchState } {
  const first = startCanaryChunk(canary);
  if (first === undefined) return { state };
  const { chunk: manifest, offset, items } = first.started;
  const next = { manifest, offset, open: countItems(items), canary: { items, offset: canary.offset } };
  return { next, state: { ...state, canary: first.canary } };
}

function itemsToAsk({ layout }: ChunkManifest): number {
  return sumOfModalities(countLayout(layout).asked);
}
