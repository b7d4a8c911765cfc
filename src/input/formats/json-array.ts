import type { DetectedFile } from '../detect.js';
import { InputError } from '../errors.js';
import { printable } from '../excerpt.js';
import { DEFAULT_MAX_LINE_BYTES } from '../lines.js';
import type { BadRow, Row, RowSource } from '../rows.js';
import { jsonRow } from './json-row.js';

const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d];

/** Opens a JSON array whose objects are rows. Memory is one of them. */
export function openJsonArrayRows({ file, content }: DetectedFile): RowSource {
  return {
    columns: undefined,
    async *batches() {
      const cutter = new ElementCutter(file.name);
      for await (const piece of content()) yield cutter.push(piece);
      cutter.end();
    },
  };
}

/** Cuts an array into its elements, however its bytes come in pieces. */
class ElementCutter {
  private state: 'before' | 'inside' | 'after' = 'before';
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** Parts of the unfinished element that came with earlier pieces. */
  private parts: Buffer[] = [];
  private bytes = 0;
  private rows: (Row | BadRow)[] = [];
  private number = 0;

  constructor(private readonly name: string) {}

  /** Takes the next bytes and returns the rows that they finish. */
  push(piece: Uint8Array): (Row | BadRow)[] {
    this.rows = [];
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) this.inString = false;
      } else if (this.state !== 'inside') {
        this.outside(byte);
        from = at + 1;
      } else if (byte === QUOTE) {
        this.inString = true;
      } else if (byte === OPEN || byte === OPEN_OBJECT) {
        this.depth++;
      } else if (this.depth > 0) {
        if (byte === CLOSE || byte === CLOSE_OBJECT) this.depth--;
      } else if (byte === COMMA || byte === CLOSE) {
        this.finish(bytes.subarray(from, at), byte === CLOSE);
        from = at + 1;
      }
    }
    if (this.state === 'inside') this.keep(bytes.subarray(from));
    return this.rows;
  }

  /** Throws if the array is not whole. */
  end(): void {
    if (this.state === 'after') return;
    const how =
      this.state === 'before' ? 'has no array in it' : `is cut off in row ${this.number + 1}: its array does not end`;
    throw this.damaged(how);
  }

  private outside(byte: number): void {
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) return;
    if (this.state === 'after') {
      throw this.damaged(
        `has something behind its array, which ends after row ${this.number}: one array is read, or lines of JSON`,
      );
    }
    // The three bytes of a byte-order mark.
    if (byte === 0xef || byte === 0xbb || byte === 0xbf) return;
    if (byte !== OPEN) throw this.damaged('is no JSON array: it must begin with [');
    this.state = 'inside';
  }

  private finish(last: Buffer, isEnd: boolean): void {
    const element = this.parts.length === 0 ? last : Buffer.concat([...this.parts, last]);
    this.parts = [];
    this.bytes = 0;
    if (isEnd) this.state = 'after';
    if (isEnd && this.number === 0 && element.toString('utf8').trim() === '') return;
    this.number++;
    this.rows.push(jsonRow(element, this.number, this.name));
  }

  /** Copies what belongs to an unfinished element: the source may reuse its piece. */
  private keep(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.bytes > DEFAULT_MAX_LINE_BYTES) throw this.damaged(`has more than 64 MiB in row ${this.number + 1}`);
    if (bytes.length > 0) this.parts.push(Buffer.from(bytes));
  }

  private damaged(how: string): InputError {
    return new InputError('DAMAGED', this.name, `${printable(this.name)} ${how}`);
  }
}
