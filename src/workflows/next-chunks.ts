import { type BatchState, itemsToAsk } from '../batch/batch-state.js';
import { canaryItems, isCanary } from '../batch/canary.js';
import { type ChunkStart, type RunFacts, startOfCanary, startOfChunk } from '../batch/chunk-start.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { steps } from './activities.js';

/** The chunks that have not been started: the canary's first, then the manifest's, which are read some at a time. */
export class NextChunks {
  private page: readonly ChunkManifest[] = [];

  constructor(private readonly facts: RunFacts) {}

  /** Reads on in the manifest when the next chunk is not known. */
  async read(state: BatchState): Promise<void> {
    if (isCanary(state)) return;
    const { nextChunk, manifest } = state;
    this.page = this.page.filter(({ chunk }) => chunk >= nextChunk);
    if (this.page.length > 0 || nextChunk >= manifest.chunks) return;
    this.page = (await steps.readChunks({ run: this.facts.run, from: nextChunk })).chunks;
  }

  /** Items of each, in the order in which they start. Those that have been read; empty when there is none left. */
  items(state: BatchState): readonly number[] {
    return isCanary(state) ? canaryItems(state) : this.page.map(itemsToAsk);
  }

  /** The next one, with so many lanes, and the state in which it has started. */
  start(state: BatchState, lanes: number): ChunkStart | undefined {
    if (isCanary(state)) return startOfCanary(state, lanes, this.facts);
    const [chunk, ...page] = this.page;
    this.page = page;
    return chunk === undefined ? undefined : startOfChunk(state, chunk, lanes, this.facts);
  }
}
