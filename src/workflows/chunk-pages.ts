import type { ChunkManifest } from '../batch/manifest.js';
import { steps } from './activities.js';

/** The chunks of a manifest that have not been started, read some at a time. */
export class ChunkPages {
  private page: readonly ChunkManifest[] = [];

  constructor(
    private readonly run: string,
    /** Chunks in the manifest. */
    private readonly count: number,
  ) {}

  /** The next ones that have been read; empty when there is none left, or before {@link turn}. */
  get next(): readonly ChunkManifest[] {
    return this.page;
  }

  /** Reads on, unless there are some left. `from` is the next chunk to start. */
  async turn(from: number): Promise<void> {
    this.page = this.page.filter(({ chunk }) => chunk >= from);
    if (this.page.length > 0 || from >= this.count) return;
    this.page = (await steps.readChunks({ run: this.run, from })).chunks;
  }

  /** Takes the next one. */
  take(): ChunkManifest | undefined {
    const [chunk, ...page] = this.page;
    this.page = page;
    return chunk;
  }
}
