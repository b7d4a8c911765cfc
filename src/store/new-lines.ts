import { countItems, decodeItems, encodeItems } from '../batch/item-ranges.js';
import { countLayout, decodeLayout, isReused, type LayoutCode, layoutRuns } from '../batch/layout.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { withColumns } from './columns.js';
import { copyLines, type LineSource } from './copy-lines.js';
import type { Cursor, GivenChunk } from './cursor.js';
import { errorOf, mapOutputLines } from './output-line.js';
import { partLines, readOpenChunk } from './partial-lines.js';
import { findPart, readPartHash } from './parts.js';
import type { OnWarn } from './segments.js';
import { FilledParts } from './twins.js';

const NOTHING_GIVEN: GivenChunk = { final: '', failed: '' };

const LF = Buffer.from('\n');

/** Bytes of lines that are read before they are given, unless a single line is longer. */
const GROUP_BYTES = 4 << 20;

/**
 * The output lines of a run that a cursor does not have yet, in input order. An item comes once; one whose failure was given
 * comes again if it has been answered since. Memory does not grow with the run: that of a chunk's facts is needed.
 */
export class NewLines {
  /** Lines that were yielded. */
  count = 0;
  /** True if the cursor has moved: by lines, or by a part that is known now to have none. */
  hasMoved = false;
  private readonly chunks: GivenChunk[];
  private readonly filled: FilledParts;

  constructor(
    private readonly storage: Storage,
    private readonly run: string,
    private readonly manifest: Manifest,
    private readonly before: Cursor,
    private readonly onWarn: OnWarn,
  ) {
    this.chunks = [...before.chunks];
    this.filled = new FilledParts(storage, run);
  }

  /** The cursor with all that was yielded. */
  get cursor(): Cursor {
    return { move: this.before.move, chunks: this.chunks };
  }

  /** Number of items of which a line was given, now or before. */
  get items(): number {
    return this.chunks.reduce((sum, { final, failed }) => sum + countItems(final) + countItems(failed), 0);
  }

  /** Yields the lines, with their line ends. To be called once. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const chunk of this.manifest.chunks) {
      const before = this.chunks[chunk.chunk] ?? NOTHING_GIVEN;
      this.chunks[chunk.chunk] = before;
      if (isComplete(chunk, before)) {
        // Later items may get lines of it.
        if (chunk.copies !== undefined) await this.filled.lines(chunk);
        continue;
      }
      const given = new Given(chunk, before);
      yield* this.chunkPieces(chunk, given);
      this.chunks[chunk.chunk] = given.record();
      this.count += given.added;
      this.hasMoved ||= given.added > 0 || given.part !== before.part;
    }
  }

  /** A part has all that its segments had, and they go when it is there; one that is known has nothing new. */
  private async *chunkPieces(chunk: ChunkManifest, given: Given): AsyncGenerator<Uint8Array, void, undefined> {
    const { storage, run, onWarn } = this;
    const hash = await readPartHash(storage, run, chunk.chunk);
    // What twins get may have come since, from the parts before it.
    const isNew = hash !== undefined && (hash !== given.part || hasTwins(chunk));
    if (isNew && (await findPart(storage, run, chunk.chunk, onWarn)) !== undefined) {
      yield* this.partPieces(chunk, given);
      given.part = hash;
      return;
    }
    try {
      yield* this.segmentPieces(chunk, given);
    } catch (error) {
      if (!(error instanceof StorageError) || !error.isForGood) throw error;
      // The chunk's part was written meanwhile, or its segments were replaced: the next call has the rest.
      if (error.code === 'DAMAGED') onWarn(error.message);
    }
  }

  private async *partPieces(chunk: ChunkManifest, given: Given): AsyncGenerator<Uint8Array, void, undefined> {
    const part = await partLines(this.storage, this.run, chunk, this.filled);
    const lines = mapOutputLines(part.lines, 0, (at, line) => {
      const item = part.items[at] ?? chunk.first + at;
      return given.add(item, errorOf(line) === undefined) ? { item, line: Buffer.concat([line, LF]) } : undefined;
    });
    for await (const some of lines) {
      yield* this.withColumns(
        some.map(({ item }) => item),
        some.map(({ line }) => line),
      );
    }
  }

  /** Yields output lines with what they have of the input's columns. */
  private withColumns(items: readonly number[], lines: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
    const { storage, run, manifest } = this;
    const pieces = (async function* () {
      if (lines.length > 0) yield Buffer.concat(lines);
    })();
    return withColumns(storage, run, manifest, items, pieces);
  }

  /** Also of a chunk whose part is known: while its failed items are asked again, their answers are here. */
  private async *segmentPieces(chunk: ChunkManifest, given: Given): AsyncGenerator<Uint8Array, void, undefined> {
    // Without twins: their lines come with the part.
    const { lines, index } = await readOpenChunk(this.storage, this.run, chunk);
    const isAnswer = (item: number): boolean => index.answers.has(item) || given.isReused(item);
    const wanted = [...lines].filter(([item]) => given.isNew(item, isAnswer(item)));
    for (const group of groupsOf(wanted)) {
      const pieces: Uint8Array[] = [];
      const texts = group.map(([, line]) => line);
      // All of a group or nothing: what was given is known by the item.
      for await (const piece of copyLines(this.storage, texts)) pieces.push(piece);
      for (const [item] of group) given.add(item, isAnswer(item));
      yield* this.withColumns(
        group.map(([item]) => item),
        pieces,
      );
    }
  }
}

function* groupsOf<T extends readonly [number, LineSource]>(lines: readonly T[]): Generator<readonly T[]> {
  let group: T[] = [];
  let bytes = 0;
  for (const entry of lines) {
    const [, line] = entry;
    group.push(entry);
    bytes += typeof line === 'string' ? line.length : line.place.bytes;
    if (bytes < GROUP_BYTES) continue;
    yield group;
    [group, bytes] = [[], 0];
  }
  if (group.length > 0) yield group;
}

function hasTwins({ layout }: ChunkManifest): boolean {
  return countLayout(layout).twins > 0;
}

/** Returns true if nothing more can come of a chunk. */
function isComplete({ layout }: ChunkManifest, { final }: GivenChunk): boolean {
  return countItems(final) === layoutRuns(layout).reduce((sum, { count }) => sum + count, 0);
}

/** What was given of a chunk's items, and is. */
class Given {
  part: string | undefined;
  /** Lines that were added. */
  added = 0;
  private readonly final: Set<number>;
  private readonly failed: Set<number>;
  private readonly codes: readonly LayoutCode[];

  constructor(
    private readonly chunk: ChunkManifest,
    { final, failed, part }: GivenChunk,
  ) {
    this.part = part;
    this.codes = decodeLayout(chunk.layout);
    this.final = new Set(decodeItems(final));
    this.failed = new Set(decodeItems(failed));
  }

  /** Returns true if an item's line, an answer or not, was not given yet. */
  isNew(item: number, isAnswer: boolean): boolean {
    return !this.final.has(item) && (this.isFinal(item, isAnswer) || !this.failed.has(item));
  }

  /** Adds an item's line. Returns false if it was given before. */
  add(item: number, isAnswer: boolean): boolean {
    if (!this.isNew(item, isAnswer)) return false;
    this.added++;
    if (this.isFinal(item, isAnswer)) {
      this.failed.delete(item);
      this.final.add(item);
    } else this.failed.add(item);
    return true;
  }

  record(): GivenChunk {
    const { final, failed, part } = this;
    return { final: rangesOf(final), failed: rangesOf(failed), ...(part === undefined ? {} : { part }) };
  }

  /** An invalid input line is never asked: nothing follows its error. */
  private isFinal(item: number, isAnswer: boolean): boolean {
    return isAnswer || this.codes[item - this.chunk.first] === 'invalid';
  }

  /** Returns true for an item whose answer was taken from an earlier run. */
  isReused(item: number): boolean {
    const code = this.codes[item - this.chunk.first];
    return code !== undefined && isReused(code);
  }
}

function rangesOf(items: ReadonlySet<number>): string {
  return encodeItems([...items].sort((a, b) => a - b));
}
