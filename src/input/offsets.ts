import { crc32 } from 'node:zlib';
import { type ItemRecords, RecordBlocks } from './record-blocks.js';
import type { ScratchFile } from './scratch-file.js';

/**
 * Where each item's line lies in the input: an object of fixed-width records, so that one range read gives the
 * positions of any consecutive items. A record is little-endian: start as float64, length and line number and checksum as uint32.
 */
export interface ItemOffset {
  /** 0-based index of the item in the run. */
  readonly item: number;
  /** Where its line starts, in bytes of the input. */
  readonly start: number;
  /** Length of its line in bytes, without the line end. */
  readonly bytes: number;
  /** 1-based number of its line. */
  readonly line: number;
  /** `lineChecksum` of its line. */
  readonly crc: number;
}

/** Returns a checksum of a line's content and number: neither it nor its place may be taken for another's. */
export function lineChecksum(content: Uint8Array, line: number): number {
  return crc32(content, line);
}

/** Bytes of one record. A float64 holds every whole number up to 2^53 exactly, so that any file size fits. */
export const OFFSET_BYTES = 20;

const LENGTH_AT = 8;
const LINE_AT = 12;
const CRC_AT = 16;
const BLOCK_ITEMS = 65_536;
const UINT32_MAX = 0xffff_ffff;

/** The byte range `[start, end)` of the offsets object that holds the records of the items `[first, last)`. */
export function offsetsRange(first: number, last: number): { readonly start: number; readonly end: number } {
  return { start: first * OFFSET_BYTES, end: last * OFFSET_BYTES };
}

/** Reads records. `first` is the index of the first item among them. Throws a `RangeError` when the last one is cut. */
export function decodeOffsets(bytes: Uint8Array, first = 0): ItemOffset[] {
  if (bytes.byteLength % OFFSET_BYTES !== 0) throw new RangeError(`offsets of ${bytes.byteLength} bytes are cut off`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / OFFSET_BYTES }, (_, position) => ({
    item: first + position,
    start: view.getFloat64(position * OFFSET_BYTES, true),
    bytes: view.getUint32(position * OFFSET_BYTES + LENGTH_AT, true),
    line: view.getUint32(position * OFFSET_BYTES + LINE_AT, true),
    crc: view.getUint32(position * OFFSET_BYTES + CRC_AT, true),
  }));
}

/** Reads the records of some items, whose indices rise, out of what an {@link OffsetsWriter} made. */
export function readOffsets(records: ItemRecords, items: readonly number[]): ItemOffset[] {
  const found: ItemOffset[] = [];
  let block: Uint8Array = new Uint8Array();
  let first = 0;
  for (const item of items) {
    if (found.length === 0 || item >= first + BLOCK_ITEMS) {
      first = item - (item % BLOCK_ITEMS);
      const { start, end } = offsetsRange(first, first + BLOCK_ITEMS);
      block = records.read(start, end);
    }
    const at = (item - first) * OFFSET_BYTES;
    found.push(...decodeOffsets(block.subarray(at, at + OFFSET_BYTES), item));
  }
  return found;
}

/** Collects records in input order. */
export class OffsetsWriter {
  private readonly blocks: RecordBlocks;
  private block = new DataView(new ArrayBuffer(BLOCK_ITEMS * OFFSET_BYTES));
  private used = 0;

  /** Many records are kept in `file`. */
  constructor(file?: ScratchFile) {
    this.blocks = new RecordBlocks(BLOCK_ITEMS * OFFSET_BYTES, file);
  }

  /** Adds the next item's record. Throws a `RangeError` past 2^32 − 1 lines. */
  add(start: number, bytes: number, line: number, crc: number): void {
    if (line > UINT32_MAX) throw new RangeError(`an input of more than ${UINT32_MAX} lines is not supported`);
    this.block.setFloat64(this.used, start, true);
    // Only a line that was too long to be kept can be over 4 GiB; nobody reads that one back.
    this.block.setUint32(this.used + LENGTH_AT, Math.min(bytes, UINT32_MAX), true);
    this.block.setUint32(this.used + LINE_AT, line, true);
    this.block.setUint32(this.used + CRC_AT, crc, true);
    this.used += OFFSET_BYTES;
    if (this.used === this.block.byteLength) this.startBlock();
  }

  /** Returns the whole object. To be called once. */
  records(): ItemRecords {
    if (this.used > 0) this.blocks.push(new Uint8Array(this.block.buffer, 0, this.used));
    return this.blocks;
  }

  private startBlock(): void {
    this.blocks.push(new Uint8Array(this.block.buffer));
    this.block = new DataView(new ArrayBuffer(BLOCK_ITEMS * OFFSET_BYTES));
    this.used = 0;
  }
}
