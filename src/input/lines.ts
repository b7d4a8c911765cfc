/** A physical line of the input. */
export interface Line {
  /** Its bytes without the line end and a byte-order mark; valid only until the handler returns. Empty when too long. */
  readonly content: Buffer;
  /** Where it starts in the input, in bytes. */
  readonly start: number;
  /** Its length in bytes, the line end (LF or CRLF) not counted. */
  readonly bytes: number;
  /** 1-based. */
  readonly line: number;
  /** Longer than the limit: it was measured, not kept. */
  readonly tooLong: boolean;
}

/** Longest line that is read unless told otherwise: 64 MiB. */
export const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const NOTHING = Buffer.alloc(0);
/** What is kept between lines; a longer buffer is given back to the system once its line is done. */
const KEPT_BUFFER = 1024 * 1024;

/**
 * Cuts a stream of bytes into lines, however the bytes come in pieces. Memory: one line, at most the limit. The last
 * line needs no line end; after a final line end there is no further line. A UTF-8 byte-order mark at the very start
 * belongs to no line.
 */
export class LineSplitter {
  private pending = NOTHING;
  /** Bytes of the unfinished line, those that were dropped as too long included. */
  private unfinished = 0;
  private start = 0;
  private line = 1;
  private mark: ByteOrderMark | undefined = new ByteOrderMark();

  constructor(
    private readonly onLine: (line: Line) => void,
    private readonly maxLineBytes = DEFAULT_MAX_LINE_BYTES,
  ) {}

  /** Takes the next bytes and hands on every line that they finish. The piece may be reused afterwards. */
  push(piece: Uint8Array): void {
    let bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (this.mark !== undefined) {
      bytes = this.mark.push(bytes);
      if (!this.mark.decided) return;
      this.start = this.mark.skipped;
      this.mark = undefined;
    }
    this.split(bytes);
  }

  /** Hands on the last line when the input does not end with a line end. */
  end(): void {
    if (this.mark !== undefined) {
      this.split(this.mark.held);
      this.mark = undefined;
    }
    if (this.unfinished > 0) this.finish(NOTHING, 0);
  }

  private split(bytes: Buffer): void {
    let from = 0;
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, from)) {
      if (this.unfinished === 0) this.emit(bytes, from, at - from, 1);
      else this.finish(bytes.subarray(from, at), 1);
      from = at + 1;
    }
    this.keep(bytes.subarray(from));
  }

  /** Ends the unfinished line; `tail` is its last bytes. `lineEnd` is the length of the LF, 0 at the end of the input. */
  private finish(tail: Buffer, lineEnd: 0 | 1): void {
    this.keep(tail);
    this.emit(this.pending, 0, this.unfinished, lineEnd);
    this.unfinished = 0;
    if (this.pending.length > KEPT_BUFFER) this.pending = NOTHING;
  }

  /**
   * Hands on the line that is `length` bytes of `buffer` from `from`. It may end with a CR; when it is over the limit
   * the buffer holds only its beginning.
   */
  private emit(buffer: Buffer, from: number, length: number, lineEnd: 0 | 1): void {
    // A CR without its LF at the very end is taken off as well: it is half a line end, not content.
    const carriage = length <= this.limit && length > 0 && buffer[from + length - 1] === CR ? 1 : 0;
    const bytes = length - carriage;
    const tooLong = bytes > this.maxLineBytes;
    const content = tooLong ? NOTHING : buffer.subarray(from, from + bytes);
    this.onLine({ content, start: this.start, bytes, line: this.line, tooLong });
    this.start += length + lineEnd;
    this.line++;
  }

  /** Copies the beginning of an unfinished line: the piece it came in may be reused by whoever reads. */
  private keep(bytes: Buffer): void {
    const kept = Math.min(this.unfinished, this.limit);
    const room = Math.min(bytes.length, this.limit - kept);
    if (kept + room > this.pending.length) this.grow(kept, kept + room);
    bytes.copy(this.pending, kept, 0, room);
    this.unfinished += bytes.length;
  }

  private grow(kept: number, needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.limit, Math.max(needed, 2 * this.pending.length, 64 * 1024)));
    this.pending.copy(larger, 0, 0, kept);
    this.pending = larger;
  }

  /** One byte more than a line may have, so that a CR at the limit is still seen. */
  private get limit(): number {
    return this.maxLineBytes + 1;
  }
}

/** Looks for a UTF-8 byte-order mark in the first bytes of a stream, which may come one by one. */
export class ByteOrderMark {
  private static readonly BYTES = Buffer.from([0xef, 0xbb, 0xbf]);
  /** Bytes that may still turn out to begin a mark. */
  held = NOTHING;
  decided = false;
  /** 3 when there was a mark, else 0. */
  skipped = 0;

  push(bytes: Buffer): Buffer {
    const all = Buffer.concat([this.held, bytes]);
    const head = all.subarray(0, ByteOrderMark.BYTES.length);
    const maybe = ByteOrderMark.BYTES.subarray(0, head.length).equals(head);
    this.decided = !maybe || head.length === ByteOrderMark.BYTES.length;
    this.held = this.decided ? NOTHING : all;
    this.skipped = maybe && this.decided ? head.length : 0;
    return all.subarray(this.skipped);
  }
}

const BRACE = 0x7b;

/** Returns true for a line with nothing in it. An object is not decoded to find out. */
export function isBlank(content: Buffer): boolean {
  return content[0] !== BRACE && content.toString('utf8').trim() === '';
}
