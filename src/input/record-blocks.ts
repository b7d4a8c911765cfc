import type { ScratchFile } from './scratch-file.js';

/** Blocks that are kept in memory: 16 of 65,536 records are those of a million items. */
export const KEPT_BLOCKS = 16;

/** An object of fixed-width records in item order, whose blocks are to be written one after another. */
export interface ItemRecords extends AsyncIterable<Uint8Array> {
  /** Reads the bytes `[start, end)`; fewer at the end of the object. */
  read(start: number, end: number): Uint8Array;
}

/** Collects the blocks of an object: the first in memory, and as soon as they are many all of them in a file. */
export class RecordBlocks implements ItemRecords {
  private kept: Uint8Array[] = [];
  /** Blocks in the file, and where they begin. */
  private readonly written: { readonly start: number; readonly bytes: number }[] = [];

  /** All blocks but the last have `blockBytes` bytes. Without a file all stay in memory. */
  constructor(
    private readonly blockBytes: number,
    private readonly file?: ScratchFile,
    private readonly keptBlocks = KEPT_BLOCKS,
  ) {}

  /** Adds the next block, which is not changed afterwards. */
  push(block: Uint8Array): void {
    this.kept.push(block);
    if (this.file === undefined || this.kept.length + this.written.length <= this.keptBlocks) return;
    for (const one of this.kept) this.written.push({ start: this.file.append(one), bytes: one.byteLength });
    this.kept = [];
  }

  read(start: number, end: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    for (let at = start; at < end; ) {
      const number = Math.floor(at / this.blockBytes);
      const first = number * this.blockBytes;
      const piece = this.inBlock(number, at - first, Math.min(end - first, this.blockBytes));
      if (piece.byteLength === 0) break;
      pieces.push(piece);
      at += piece.byteLength;
    }
    return pieces.length === 1 ? (pieces[0] ?? NOTHING) : Buffer.concat(pieces);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let block = 0; block < this.written.length + this.kept.length; block++) {
      yield this.inBlock(block, 0, this.blockBytes);
    }
  }

  private inBlock(number: number, from: number, to: number): Uint8Array {
    const place = this.written[number];
    if (place === undefined) return this.kept[number - this.written.length]?.subarray(from, to) ?? NOTHING;
    return this.file?.read(place.start + from, place.start + Math.min(to, place.bytes)) ?? NOTHING;
  }
}

const NOTHING = new Uint8Array();
