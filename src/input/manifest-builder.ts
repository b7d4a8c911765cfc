import { createHash } from 'node:crypto';
import type { ApiName } from '../batch/api.js';
import { askedAs, encodeLayout, isTwin, type LayoutCode } from '../batch/layout.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import { noModalityCounts } from '../batch/modality.js';

/** Builds a manifest while the input goes by, item after item. */
export class ManifestBuilder {
  private readonly hash = createHash('sha256');
  private readonly modalities = noModalityCounts();
  private readonly chunks: ChunkManifest[] = [];
  private codes: LayoutCode[] = [];
  private readonly copies = new Map<number, number>();
  private invalid = 0;
  private columns = false;
  /** The first different models that items name, at most two; undefined stands for none. */
  readonly models: (string | undefined)[] = [];
  private twins = 0;
  /** Bytes so far. */
  bytes = 0;
  /** Items so far. */
  items = 0;

  constructor(private readonly chunkSize: number) {}

  /** Takes the input's next bytes. */
  addBytes(piece: Uint8Array): void {
    this.hash.update(piece);
    this.bytes += piece.byteLength;
  }

  /** Takes the next item. */
  addItem(code: LayoutCode): void {
    const modality = askedAs(code);
    if (modality !== undefined) this.modalities[modality]++;
    else if (isTwin(code)) this.twins++;
    else this.invalid++;
    this.items++;
    this.codes.push(code);
    if (this.codes.length === this.chunkSize) this.endChunk();
  }

  /** Takes the model that an item names, if it names one. */
  addModel(model: string | undefined): void {
    if (this.models.length < 2 && !this.models.includes(model)) this.models.push(model);
  }

  /** Notes that a line has columns for the output. */
  addColumns(): void {
    this.columns = true;
  }

  /** Counts an item that gets the line of `first`. */
  addCopy(first: number): void {
    const chunk = Math.floor(first / this.chunkSize);
    this.copies.set(chunk, (this.copies.get(chunk) ?? 0) + 1);
  }

  /** The manifest of all that was added, which is asked by `api`. To be called once. */
  build(api: ApiName): Manifest {
    if (this.codes.length > 0) this.endChunk();
    const { bytes, items, modalities, invalid, twins, chunkSize } = this;
    const [model] = this.models.length === 1 ? this.models : [];
    const chunks = this.chunks.map((chunk) => {
      const copies = this.copies.get(chunk.chunk);
      return copies === undefined ? chunk : { ...chunk, copies };
    });
    return {
      version: 1,
      sha256: this.hash.digest('hex'),
      bytes,
      items,
      modalities,
      invalid,
      ...(this.columns ? { columns: true } : {}),
      ...(model === undefined ? {} : { model }),
      ...(api === 'chat' ? {} : { api }),
      twins,
      reused: 0,
      chunkSize,
      chunks,
    };
  }

  private endChunk(): void {
    const chunk = this.chunks.length;
    this.chunks.push({ chunk, first: chunk * this.chunkSize, layout: encodeLayout(this.codes) });
    this.codes = [];
  }
}
