import type { ChatMessage } from '../batch/items.js';
import { oneLineJson } from '../batch/json-line.js';
import { countLayout, decodeLayout } from '../batch/layout.js';
import { type ChunkManifest, chunkOf, type Manifest } from '../batch/manifest.js';
import { movedPart, replaceAttached } from '../batch/message-parts.js';
import { appendColumns } from '../input/record-line.js';
import type { Storage } from '../storage/storage.js';
import { errorOf, mapOutputLines } from '../store/output-line.js';
import { type ItemPlaces, type PackItem, packItems } from '../store/pack-items.js';
import { mapLinesOf, type OpenChunk, openChunk } from '../store/partial-lines.js';
import { openPart } from '../store/parts.js';
import { streamResults } from '../store/results.js';
import { FilledParts } from '../store/twins.js';

/** A failed item as its output line tells of it. */
interface ItemError {
  /** 0-based index in the run. */
  readonly item: number;
  readonly error: string;
}

/** Where the failed items of a run are looked for. */
export interface FailedSource {
  readonly storage: Storage;
  readonly run: string;
  readonly manifest: Manifest;
  /** The run has ended well: its results are whole. Else its finished chunks are looked at. */
  readonly ended: boolean;
  readonly places: ItemPlaces;
  /** The attachments as the new file has them. */
  readonly attachments: (item: PackItem) => Promise<readonly string[]>;
}

const NO_CHUNK: ChunkManifest = { chunk: 0, first: 0, layout: '' };

/** Characters that are given at once: a line at a time would be a write for each. */
const PIECE = 256 * 1024;

/** The failed items of a run as lines of an input, and what was counted on the way. Memory does not grow with the run. */
export class FailedLines {
  /** Lines given. */
  failed = 0;
  /** Invalid input lines: they failed too, but cannot be run. */
  invalid = 0;
  /** Chunks that are not finished: more of their items may fail. */
  openChunks = 0;
  private layout: { readonly chunk: number; readonly isInvalid: readonly boolean[] } | undefined;

  constructor(private readonly source: FailedSource) {}

  /** Each failed item with its own id or else its line number, in input order. Throws what storage throws. */
  async *lines(): AsyncGenerator<Uint8Array, void, undefined> {
    const { storage, run, places, attachments } = this.source;
    let text = '';
    for await (const found of this.errors()) {
      const errors = new Map(found.filter((entry) => !this.isInvalid(entry)).map(({ item, error }) => [item, error]));
      for await (const item of packItems(storage, run, [...errors.keys()], Promise.resolve(places))) {
        const { id, prompt, messages, system, model, schema, body, maxTokens, temperature, columns } = item;
        const moved = await attachments(item);
        const line = {
          id,
          ...(messages === undefined
            ? { prompt, ...attachmentFields(moved) }
            : { messages: withPaths(messages, moved) }),
          ...(model === undefined ? {} : { model }),
          ...(schema === undefined ? {} : { schema }),
          ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
          ...(temperature === undefined ? {} : { temperature }),
          ...(body === undefined ? {} : { body }),
          ...(system === undefined ? {} : { system }),
          error: errors.get(item.item),
        };
        this.failed++;
        text += `${appendColumns(oneLineJson(line), columns)}\n`;
        if (text.length < PIECE) continue;
        yield Buffer.from(text);
        text = '';
      }
    }
    if (text !== '') yield Buffer.from(text);
  }

  private isInvalid({ item }: ItemError): boolean {
    const { chunk, first, layout } = chunkOf(this.source.manifest.chunks, item) ?? NO_CHUNK;
    if (this.layout?.chunk !== chunk) {
      const codes = countLayout(layout).invalid === 0 ? [] : decodeLayout(layout);
      this.layout = { chunk, isInvalid: codes.map((code) => code === 'invalid') };
    }
    const invalid = this.layout.isInvalid[item - first] === true;
    if (invalid) this.invalid++;
    return invalid;
  }

  private async *errors(): AsyncGenerator<readonly ItemError[], void, undefined> {
    const { storage, run, manifest, ended } = this.source;
    if (ended) {
      yield* errorsIn(streamResults(storage, run), 0);
      return;
    }
    const filled = new FilledParts(storage, run);
    for (const chunk of manifest.chunks) {
      const open = await openChunk(storage, run, chunk, filled);
      if (open === undefined) yield* this.partErrors(chunk, filled);
      else yield await this.openErrors(open);
    }
  }

  /** Returns the errors so far of a chunk that has no part: it is not finished, or was cancelled. */
  private async openErrors({ lines }: OpenChunk): Promise<readonly ItemError[]> {
    this.openChunks++;
    const found: ItemError[] = [];
    for await (const some of mapLinesOf(this.source.storage, lines, itemError)) found.push(...some);
    return found;
  }

  private async *partErrors(
    chunk: ChunkManifest,
    filled: FilledParts,
  ): AsyncGenerator<readonly ItemError[], void, undefined> {
    const { storage, run } = this.source;
    const lines = await filled.lines(chunk);
    if (lines === undefined) yield* errorsIn(await openPart(storage, run, chunk.chunk), chunk.first);
    else yield* mapLinesOf(storage, lines, itemError);
  }
}

function attachmentFields([attachment, ...others]: readonly string[]): object {
  if (attachment === undefined) return {};
  return others.length === 0 ? { attachment } : { attachments: [attachment, ...others] };
}

/** Puts the paths of attachments, as the new file has them, in their parts. */
function withPaths(messages: readonly ChatMessage[], paths: readonly string[]): readonly ChatMessage[] {
  return replaceAttached(messages, (attached, at) => movedPart(attached, paths[at] ?? attached.text));
}

/** Yields the errors in output lines, one line an item from `first` on. */
function errorsIn(
  pieces: AsyncIterable<Uint8Array>,
  first: number,
): AsyncGenerator<readonly ItemError[], void, undefined> {
  return mapOutputLines(pieces, first, itemError);
}

function itemError(item: number, line: Buffer): ItemError | undefined {
  const error = errorOf(line);
  return error === undefined ? undefined : { item, error };
}
