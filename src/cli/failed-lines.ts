import { type ItemPlaces, type PackItem, packItems } from '../activities/pack-items.js';
import { failureLines } from '../activities/partial-lines.js';
import { countLayout, decodeLayout } from '../batch/layout.js';
import type { Manifest } from '../batch/manifest.js';
import { LineSplitter } from '../input/lines.js';
import { runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';

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
  /** The attachment as the new file has it. */
  readonly attachment: (item: PackItem) => Promise<string | undefined>;
}

/** Characters that are given at once: a line at a time would be a write for each. */
const PIECE = 256 * 1024;

/** The failed items of a run as lines of an input, and what was counted on the way. Memory does not grow with the run. */
export class FailedLines {
  /** Lines given. */
  failed = 0;
  /** Invalid input lines: they failed too, but cannot be run. */
  invalid = 0;
  /** Chunks that are not finished: of those only what was kept when they were cancelled is known. */
  openChunks = 0;
  private layout: { readonly chunk: number; readonly isInvalid: readonly boolean[] } | undefined;

  constructor(private readonly source: FailedSource) {}

  /** Each failed item with its own id or else its line number, in input order. Throws what storage throws. */
  async *lines(): AsyncGenerator<Uint8Array, void, undefined> {
    const { storage, run, places, attachment } = this.source;
    let text = '';
    for await (const found of this.errors()) {
      const errors = new Map(found.filter((entry) => !this.isInvalid(entry)).map(({ item, error }) => [item, error]));
      for await (const item of packItems(storage, run, [...errors.keys()], Promise.resolve(places))) {
        const { id, prompt } = item;
        const moved = await attachment(item);
        const line = {
          id,
          prompt,
          ...(moved === undefined ? {} : { attachment: moved }),
          error: errors.get(item.item),
        };
        this.failed++;
        text += `${JSON.stringify(line)}\n`;
        if (text.length < PIECE) continue;
        yield Buffer.from(text);
        text = '';
      }
    }
    if (text !== '') yield Buffer.from(text);
  }

  private isInvalid({ item }: ItemError): boolean {
    const { chunkSize, chunks } = this.source.manifest;
    const chunk = Math.floor(item / chunkSize);
    if (this.layout?.chunk !== chunk) {
      const { layout = '' } = chunks[chunk] ?? {};
      const codes = countLayout(layout).invalid === 0 ? [] : decodeLayout(layout);
      this.layout = { chunk, isInvalid: codes.map((code) => code === 'invalid') };
    }
    const invalid = this.layout.isInvalid[item - chunk * chunkSize] === true;
    if (invalid) this.invalid++;
    return invalid;
  }

  private async *errors(): AsyncGenerator<readonly ItemError[], void, undefined> {
    const { storage, run, manifest, ended } = this.source;
    const directory = runDirectory(run);
    if (ended) {
      yield* errorsIn(await storage.stream(directory.results), 0);
      return;
    }
    for (const { chunk, first } of manifest.chunks) {
      const part = await storage.get(directory.part(chunk)).catch(undefinedIfMissing);
      if (part === undefined) yield await this.openErrors(chunk);
      else yield* errorsIn([part], first);
    }
  }

  /** The errors of a chunk that has no part: it is under way, or was cancelled. */
  private async openErrors(chunk: number): Promise<readonly ItemError[]> {
    this.openChunks++;
    const lines = await failureLines(this.source.storage, this.source.run, chunk);
    return [...lines].map(([item, line]) => ({ item, error: errorOf(Buffer.from(line)) ?? '' }));
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof StorageError && error.code === 'NOT_FOUND') return undefined;
  throw error;
}

/** The errors in output lines, one line an item from `first` on, as the pieces come. */
async function* errorsIn(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  first: number,
): AsyncGenerator<readonly ItemError[], void, undefined> {
  let item = first;
  let found: ItemError[] = [];
  const splitter = new LineSplitter(({ content }) => {
    const error = errorOf(content);
    if (error !== undefined) found.push({ item, error });
    item++;
  });
  for await (const piece of pieces) {
    splitter.push(piece);
    if (found.length > 0) yield found;
    found = [];
  }
  splitter.end();
  if (found.length > 0) yield found;
}

const ERROR_FIELD = Buffer.from('"error":');

/** The error of an output line; undefined for an answer, also for one that speaks of errors. */
function errorOf(line: Buffer): string | undefined {
  // Nearly every line is an answer: those need not be parsed.
  if (!line.includes(ERROR_FIELD)) return undefined;
  const value: unknown = JSON.parse(line.toString('utf8'));
  if (typeof value !== 'object' || value === null || !('error' in value)) return undefined;
  return typeof value.error === 'string' ? value.error : undefined;
}
