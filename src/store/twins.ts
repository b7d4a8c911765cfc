import type { ItemId } from '../batch/items.js';
import { countLayout, decodeLayout, isTwin } from '../batch/layout.js';
import type { ChunkManifest } from '../batch/manifest.js';
import { damaged, type Storage } from '../storage/storage.js';
import type { LineSource } from './copy-lines.js';
import { readKeys } from './item-records.js';
import { withId } from './line-edits.js';
import { mapLines } from './output-line.js';
import { itemIds } from './pack-items.js';
import { streamPart } from './parts.js';
import { placeOf } from './reused-lines.js';
import { runDirectory } from './run-directory.js';
import { readStoredSettings } from './settings.js';

/** An item that gets the output line of an earlier one. */
export interface Twin {
  readonly id: ItemId;
  /** The item whose line it gets. */
  readonly first: number;
}

/** Returns the line that stands for a twin in a part, with its line end. */
export function twinLine({ id, first }: Twin): string {
  return `${JSON.stringify({ id, twin: first })}\n`;
}

/** Reads a line that stands for a twin. */
function parseTwin(line: Buffer): Twin {
  const { id, twin }: { id: ItemId; twin: number } = JSON.parse(line.toString());
  return { id, first: twin };
}

/** Returns the output line of a twin: that of its first, which lies at `place`, with its own id. */
function filled({ id }: Twin, place: Place): LineSource {
  return { place, rewrite: (line) => withId(line, id) };
}

/** Reads the twins among a chunk's items, by item in input order. */
export async function readTwins(
  storage: Storage,
  run: string,
  { first, layout }: ChunkManifest,
): Promise<ReadonlyMap<number, Twin>> {
  const codes = decodeLayout(layout);
  const items = codes.flatMap((code, at) => (isTwin(code) ? [first + at] : []));
  const twins = new Map<number, Twin>();
  if (items.length === 0) return twins;
  const keys = await readKeys(storage, run, first, first + codes.length);
  for await (const some of itemIds(storage, run, items, await readStoredSettings(storage, run))) {
    for (const { item, id } of some) {
      const link = keys.link(item);
      if (link === undefined || link >= item) {
        throw damaged(storage, runDirectory(run).keys, `it does not say whose line item ${item} gets`);
      }
      twins.set(item, { id, first: link });
    }
  }
  return twins;
}

/** Reads how many items get the line of each of a chunk's items, by item; only those that have some. */
export async function readCopies(
  storage: Storage,
  run: string,
  { first, layout, copies = 0 }: ChunkManifest,
): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>();
  if (copies === 0) return found;
  const codes = decodeLayout(layout);
  const keys = await readKeys(storage, run, first, first + codes.length);
  for (const [at, code] of codes.entries()) {
    const count = isTwin(code) ? 0 : keys.link(first + at);
    if (count === undefined) {
      throw damaged(storage, runDirectory(run).keys, `it does not say which items get the line of item ${first + at}`);
    }
    if (count > 0) found.set(first + at, count);
  }
  return found;
}

type Place = Exclude<LineSource, string>['place'];

/**
 * Reads parts whose twins have their lines. Parts are to be read in input order: the lines that later ones get are noted as
 * their parts pass. Takes about 40 bytes for each item that has twins.
 */
export class FilledParts {
  private readonly items: number[] = [];
  private readonly chunks: number[] = [];
  private readonly starts: number[] = [];
  private readonly sizes: number[] = [];
  private readonly sums: number[] = [];

  constructor(
    private readonly storage: Storage,
    private readonly run: string,
  ) {}

  /**
   * Returns the lines of a part, by item; a twin whose first has no line in an earlier part has none. Undefined for a part
   * without twins: it can be read as it is. Throws `DAMAGED` for one that is not what was written.
   */
  async lines(chunk: ChunkManifest): Promise<ReadonlyMap<number, LineSource> | undefined> {
    const { twins } = countLayout(chunk.layout);
    if (twins === 0 && chunk.copies === undefined) return undefined;
    const copies = await readCopies(this.storage, this.run, chunk);
    const codes = decodeLayout(chunk.layout);
    const segment = runDirectory(this.run).part(chunk.chunk);
    const lines = new Map<number, LineSource>();
    let item = chunk.first;
    const found = mapLines(streamPart(this.storage, this.run, chunk.chunk), (content, start) => {
      const at = item++;
      if (isTwin(codes[at - chunk.first] ?? 'invalid')) {
        const line = this.line(parseTwin(content));
        if (line !== undefined) lines.set(at, line);
        return undefined;
      }
      const place = placeOf(segment, content, start);
      lines.set(at, { place });
      if (copies.has(at)) this.note(at, chunk.chunk, place);
      return undefined;
    });
    for await (const _ of found);
    return twins === 0 ? undefined : lines;
  }

  /** Returns the line of a twin; undefined while its first has none. */
  line(twin: Twin): LineSource | undefined {
    const at = this.indexOf(twin.first);
    if (at === undefined) return undefined;
    const [chunk = 0, start = 0, bytes = 0, crc = 0] = [
      this.chunks[at],
      this.starts[at],
      this.sizes[at],
      this.sums[at],
    ];
    return filled(twin, { segment: runDirectory(this.run).part(chunk), start, bytes, crc });
  }

  private note(item: number, chunk: number, { start, bytes, crc }: Place): void {
    // A part that is read again has been noted.
    if (item <= (this.items.at(-1) ?? -1)) return;
    this.items.push(item);
    this.chunks.push(chunk);
    this.starts.push(start);
    this.sizes.push(bytes);
    this.sums.push(crc);
  }

  /** The items are noted in rising order. */
  private indexOf(item: number): number | undefined {
    let [low, high] = [0, this.items.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.items[middle] ?? 0;
      if (found === item) return middle;
      if (found < item) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }
}
