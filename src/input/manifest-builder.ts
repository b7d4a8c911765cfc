import { createHash } from 'node:crypto';
import { encodeLayout, type LayoutCode } from '../batch/layout.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import { noModalityCounts } from '../batch/modality.js';

/** Builds a manifest while the input goes by, item after item. */
export class ManifestBuilder {
  private readonly hash = createHash('sha256');
  private readonly modalities = noModalityCounts();
  private readonly chunks: ChunkManifest[] = [];
  private codes: LayoutCode[] = [];
  private invalid = 0;
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
    if (code === 'invalid') this.invalid++;
    else this.modalities[code]++;
    this.items++;
    this.codes.push(code);
    if (this.codes.length === this.chunkSize) this.endChunk();
  }

  /** The manifest of all that was added. To be called once. */
  build(): Manifest {
    if (this.codes.length > 0) this.endChunk();
    const { bytes, items, modalities, invalid, chunkSize, chunks } = this;
    return { version: 1, sha256: this.hash.digest('hex'), bytes, items, modalities, invalid, chunkSize, chunks };
  }

  private endChunk(): void {
    const chunk = this.chunks.length;
    this.chunks.push({ chunk, first: chunk * this.chunkSize, layout: encodeLayout(this.codes) });
    this.codes = [];
  }
}
