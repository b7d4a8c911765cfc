import { createHash } from 'node:crypto';
import type { ApiName } from '../batch/api.js';
import { encodeModels } from '../batch/chunk-models.js';
import { askedAs, encodeLayout, isTwin, type LayoutCode } from '../batch/layout.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import { type ModalityCounts, noModalityCounts, withMore } from '../batch/modality.js';
import { MAX_NAMED } from '../batch/targets.js';

/** Builds a manifest while the input goes by, item after item. */
export class ManifestBuilder {
  private readonly hash = createHash('sha256');
  private modalities: ModalityCounts = noModalityCounts();
  private readonly chunks: ChunkManifest[] = [];
  private codes: LayoutCode[] = [];
  /** The models that the chunk's items name. */
  private named: (string | undefined)[] = [];
  private readonly copies = new Map<number, number>();
  private invalid = 0;
  private columns = false;
  /** The different models that items name, one more than may be at most; undefined stands for none. */
  private readonly models = new Set<string | undefined>();
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

  /** The different models that items name. */
  get modelNames(): readonly string[] {
    return [...this.models].filter((model) => model !== undefined);
  }

  /** Takes the next item, with the model that it names. */
  addItem(code: LayoutCode, model?: string): void {
    const modality = askedAs(code);
    if (modality !== undefined) this.modalities = withMore(this.modalities, modality, 1);
    else if (isTwin(code)) this.twins++;
    else this.invalid++;
    this.items++;
    this.codes.push(code);
    this.named.push(model);
    if (code !== 'invalid' && this.models.size <= MAX_NAMED + 1) this.models.add(model);
    if (this.codes.length === this.chunkSize) this.endChunk();
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
    const names = this.modelNames;
    // One that all items name is the run's.
    const [model] = this.models.size === 1 ? names : [];
    const models = model === undefined && names.length > 0 ? { models: names } : {};
    const chunks = this.chunks.map(({ models: own, ...rest }) => {
      const chunk = model === undefined && own !== undefined ? { ...rest, models: own } : rest;
      const copies = this.copies.get(rest.chunk);
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
      ...models,
      ...(api === 'chat' ? {} : { api }),
      twins,
      reused: 0,
      chunkSize,
      chunks,
    };
  }

  private endChunk(): void {
    const chunk = this.chunks.length;
    const models = encodeModels(this.named);
    const layout = encodeLayout(this.codes);
    this.chunks.push({ chunk, first: chunk * this.chunkSize, layout, ...(models === undefined ? {} : { models }) });
    this.codes = [];
    this.named = [];
  }
}
