import { ByteOrderMark } from './lines.js';

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Counts the lines of a stream that is copied, and takes off its byte-order mark. Its counts are right after `end`. */
export class LineCounter {
  /** Lines, an unfinished one included. */
  get lines(): number {
    return this.ended + (this.isInLine ? 1 : 0);
  }
  /** True if the last line has no line end. */
  isInLine = false;
  private ended = 0;
  private mark: ByteOrderMark | undefined = new ByteOrderMark();

  /** Returns what is to be copied of the next bytes. */
  push(piece: Uint8Array): Uint8Array {
    let bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (this.mark !== undefined) {
      bytes = this.mark.push(bytes);
      if (!this.mark.decided) return NOTHING;
      this.mark = undefined;
    }
    return this.count(bytes);
  }

  /** Returns what was held back, at the end of the stream. */
  end(): Uint8Array {
    return this.count(this.mark?.held ?? NOTHING);
  }

  private count(bytes: Buffer): Buffer {
    if (bytes.length === 0) return bytes;
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) this.ended++;
    this.isInLine = bytes.at(-1) !== LF;
    return bytes;
  }
}
