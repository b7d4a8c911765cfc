import { isUtf8 } from 'node:buffer';
import { InputError } from '../errors.js';
import { printable } from '../excerpt.js';

const LF = 0x0a;

/** Passes text on. Throws an `InputError` that names the line where it is not UTF-8. */
export async function* checkedUtf8(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let tail = Buffer.alloc(0);
  let lines = 0;
  for await (const piece of source) {
    const bytes =
      tail.length === 0 ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) : Buffer.concat([tail, piece]);
    const whole = bytes.subarray(0, bytes.length - unfinished(bytes));
    if (!isUtf8(whole)) throw notUtf8(name, lines + linesUntil(whole));
    lines += countLines(whole);
    // A copy: the source may reuse its piece.
    tail = Buffer.from(bytes.subarray(whole.length));
    if (whole.length > 0) yield whole;
  }
  if (tail.length > 0) throw notUtf8(name, lines + 1);
}

/** Returns how many bytes at the end begin a character that is not complete. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? back : 0;
  }
  return 0;
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}

/** Returns the 1-based line, in these bytes, that is the first that is not UTF-8. */
function linesUntil(bytes: Buffer): number {
  let from = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(LF, from);
    if (end === -1 || !isUtf8(bytes.subarray(from, end))) return line;
    from = end + 1;
  }
}

function notUtf8(name: string, line: number): InputError {
  const message =
    `${printable(name)}, line ${line.toLocaleString('en')}: not valid UTF-8: if it is in an encoding of Windows, convert it ` +
    'with "iconv -f WINDOWS-1252 -t UTF-8"';
  return new InputError('NOT_TEXT', name, message);
}
