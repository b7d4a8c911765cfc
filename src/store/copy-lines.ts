import { crc32 } from 'node:zlib';
import { sealOf } from '../storage/seal.js';
import { damaged, type Storage } from '../storage/storage.js';
import type { LinePlace } from './outcome-index.js';

/** A line to write: text, an answer's output line that lies in storage, or one that is made of what lies there. */
export type LineSource = string | CopiedLine | MadeLine;

/** An answer's output line. */
interface CopiedLine {
  readonly place: LinePlace;
  /** What stands before it in a segment's line; absent if the output line is written by itself. */
  readonly head?: string;
  /** Changes the line as it is copied. */
  readonly rewrite?: (line: Buffer) => Buffer;
}

/** An output line that is made of a record in storage. */
interface MadeLine {
  readonly place: LinePlace;
  /** Returns the output line, with its line end. */
  readonly make: (record: Buffer) => string;
}

const LF = Buffer.from('\n');

/** Bytes of lines that are in memory at a time, unless a single line is longer. */
const WINDOW_BYTES = 8 << 20;

/** Bytes of one read, unless a single line is longer, and bytes between two lines that are read along. */
const READ_BYTES = 4 << 20;
const MAX_GAP = 256 << 10;

/** Reads at once: in a bucket a line or some may be an object of their own. */
const READS_AT_ONCE = 4;

/** Bytes that are yielded at once: a line at a time would be a write for each. */
const PIECE_BYTES = 1 << 20;

/** Room for the line with which a piece is full, unless that is longer (bytes). */
const PIECE_ROOM = 16 << 10;

/** Yields lines in the given order. Memory does not grow with their number or length: that of a window is needed. */
export async function* copyLines(
  storage: Storage,
  lines: Iterable<LineSource>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const window of windows(lines)) yield* windowPieces(storage, window);
}

function* windows(lines: Iterable<LineSource>): Generator<readonly LineSource[], void, undefined> {
  let window: LineSource[] = [];
  let bytes = 0;
  for (const line of lines) {
    const length = typeof line === 'string' ? line.length : line.place.bytes;
    if (window.length > 0 && bytes + length > WINDOW_BYTES) {
      yield window;
      [window, bytes] = [[], 0];
    }
    window.push(line);
    bytes += length;
  }
  if (window.length > 0) yield window;
}

async function* windowPieces(
  storage: Storage,
  window: readonly LineSource[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const found = await readPlaces(
    storage,
    window.flatMap((line) => (typeof line === 'string' ? [] : [line.place])),
  );
  let piece = new Piece();
  for (const line of window) {
    if (typeof line === 'string') piece.add(Buffer.from(line));
    else addCopied(storage, line, found, piece);
    if (piece.length < PIECE_BYTES) continue;
    yield piece.bytes();
    piece = new Piece();
  }
  if (piece.length > 0) yield piece.bytes();
}

/** Bytes that are yielded at once. They are copied as they come: a list of them is dear where lines are short. */
class Piece {
  private buffer = Buffer.allocUnsafe(PIECE_BYTES + PIECE_ROOM);
  length = 0;

  add(bytes: Uint8Array): void {
    const end = this.length + bytes.byteLength;
    if (end > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end + PIECE_ROOM, 2 * this.buffer.length));
      this.buffer.copy(larger, 0, 0, this.length);
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length = end;
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}

function addCopied(
  storage: Storage,
  line: CopiedLine | MadeLine,
  found: ReadonlyMap<LinePlace, Uint8Array>,
  piece: Piece,
): void {
  const { place } = line;
  const bytes = found.get(place) ?? Buffer.of();
  if (crc32(bytes) !== place.crc) throw damaged(storage, place.segment, 'an answer in it is not what was written');
  if ('make' in line) {
    piece.add(Buffer.from(line.make(bufferOf(bytes))));
    return;
  }
  const { head, rewrite } = line;
  const content = rewrite === undefined ? bytes : rewrite(bufferOf(bytes));
  const parts = head === undefined ? [content] : [Buffer.from(head), content];
  for (const part of parts) piece.add(part);
  if (head !== undefined) piece.add(Buffer.from(sealOf(parts)));
  piece.add(LF);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** One read of neighbouring lines. */
interface Range {
  readonly segment: string;
  readonly start: number;
  end: number;
  readonly places: LinePlace[];
}

async function readPlaces(storage: Storage, places: readonly LinePlace[]): Promise<ReadonlyMap<LinePlace, Uint8Array>> {
  const found = new Map<LinePlace, Uint8Array>();
  const ranges = rangesOf(places);
  for (let first = 0; first < ranges.length; first += READS_AT_ONCE) {
    await Promise.all(ranges.slice(first, first + READS_AT_ONCE).map((range) => readRange(storage, range, found)));
  }
  return found;
}

async function readRange(
  storage: Storage,
  { segment, start, end, places }: Range,
  found: Map<LinePlace, Uint8Array>,
): Promise<void> {
  const bytes = await storage.getRange(segment, start, end);
  if (bytes.byteLength < end - start) throw damaged(storage, segment, 'it is shorter than it was');
  for (const place of places) {
    found.set(place, bytes.subarray(place.start - start, place.start - start + place.bytes));
  }
}

function rangesOf(places: readonly LinePlace[]): Range[] {
  const sorted = [...places].sort((a, b) => compare(a.segment, b.segment) || a.start - b.start);
  const ranges: Range[] = [];
  for (const place of sorted) {
    const { segment, start, bytes } = place;
    const range = ranges.at(-1);
    const isNear = range?.segment === segment && start - range.end <= MAX_GAP;
    if (range !== undefined && isNear && start + bytes - range.start <= READ_BYTES) {
      range.places.push(place);
      range.end = start + bytes;
    } else {
      ranges.push({ segment, start, end: start + bytes, places: [place] });
    }
  }
  return ranges;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
