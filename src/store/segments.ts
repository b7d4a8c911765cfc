import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LineSplitter } from '../input/lines.js';
import { SEAL_BYTES } from '../storage/seal.js';
import type { Storage } from '../storage/storage.js';
import { type IndexedRecord, indexedRecord, type LinePlace, OutcomeIndex } from './outcome-index.js';
import { type OutcomeRecord, parseOutcome, resultStart } from './outcomes.js';
import { runDirectory } from './run-directory.js';

/** Receives a warning for a person. */
export type OnWarn = (message: string) => void;

/** Segments that are read at once. */
const READS_AT_ONCE = 4;

/** Bytes of one read of what was appended since the last one. */
const READ_BYTES = 4 << 20;

/** Returns a name for a new segment. Names sort by the time they were made. */
export function segmentName(): string {
  return `${Date.now().toString(36).padStart(9, '0')}-${randomBytes(6).toString('hex')}`;
}

/** What was read of a segment. */
export interface SegmentRead {
  readonly key: string;
  readonly records: readonly IndexedRecord[];
  /** Where the next read continues: after the last whole line. */
  readonly end: number;
}

/** Returns the keys of a chunk's segments, oldest first. */
export async function listSegments(storage: Storage, run: string, chunk: number): Promise<string[]> {
  return (await storage.list(runDirectory(run).segments(chunk))).sort();
}

/** Reads all outcomes of a chunk that are in storage. */
export async function readOutcomes(
  storage: Storage,
  run: string,
  chunk: number,
  onWarn?: OnWarn,
): Promise<OutcomeIndex> {
  const index = new OutcomeIndex();
  const keys = await listSegments(storage, run, chunk);
  for await (const { records } of readSegments(
    storage,
    keys.map((key) => ({ key, from: 0 })),
    onWarn,
  )) {
    for (const record of records) index.add(record);
  }
  return index;
}

/** Reads segments, each from a byte on, and yields them in the given order. */
export async function* readSegments(
  storage: Storage,
  wanted: readonly { readonly key: string; readonly from: number }[],
  onWarn: OnWarn = () => undefined,
): AsyncGenerator<SegmentRead, void, undefined> {
  for (let first = 0; first < wanted.length; first += READS_AT_ONCE) {
    const some = wanted.slice(first, first + READS_AT_ONCE);
    yield* await Promise.all(some.map(({ key, from }) => readSegment(storage, key, from, onWarn)));
  }
}

/**
 * Reads a segment from a byte on, which begins a line. A last line without a line end is ignored: its writer has not
 * finished it, or was killed. A line before it that is not a record is lost, and its item is asked again.
 */
async function readSegment(storage: Storage, key: string, from: number, onWarn: OnWarn): Promise<SegmentRead> {
  const records: IndexedRecord[] = [];
  let end = from;
  let damaged = 0;
  const splitter = new LineSplitter(({ content, start, bytes }) => {
    end = from + start + bytes + 1;
    if (bytes === 0) return;
    const record = parseOutcome(content);
    if (record === undefined) damaged++;
    else records.push(indexedRecord(record, placeOf(key, record, content, from + start)));
  }, Number.POSITIVE_INFINITY);
  for await (const piece of piecesFrom(storage, key, from)) splitter.push(piece);
  if (damaged > 0) onWarn(`the segment ${key} is damaged: the outcomes of ${damaged} lines are lost`);
  return { key, records, end };
}

function placeOf(segment: string, record: OutcomeRecord, line: Buffer, start: number): LinePlace | undefined {
  if ('failure' in record) return { segment, start, bytes: line.length, crc: crc32(line) };
  const head = resultStart(line);
  if (head === undefined) return undefined;
  const result = line.subarray(head, line.length - SEAL_BYTES);
  return { segment, start: start + head, bytes: result.length, crc: crc32(result) };
}

async function* piecesFrom(storage: Storage, key: string, from: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (from === 0) {
    yield* await storage.stream(key);
    return;
  }
  for (let at = from; ; ) {
    const piece = await storage.getRange(key, at, at + READ_BYTES);
    yield piece;
    at += piece.byteLength;
    if (piece.byteLength < READ_BYTES) return;
  }
}
