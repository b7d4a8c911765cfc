import { crc32 } from 'node:zlib';

/** The end of a JSON object that is sealed: the CRC-32 of all that stands before, and the brace. */
const SEAL = /^,"crc":"[0-9a-f]{8}"\}$/;

/** Length of a seal, in bytes. */
export const SEAL_BYTES = 18;

/** Returns the seal of an object whose text, without its closing brace, is in these pieces. */
export function sealOf(pieces: readonly Uint8Array[]): string {
  const crc = pieces.reduce((sum, piece) => crc32(piece, sum), 0);
  return `,"crc":"${crc.toString(16).padStart(8, '0')}"}`;
}

/** Returns an object sealed, with a line end, from its text without the closing brace: `head`, then `rest`. */
export function sealed(head: string, rest: string): Buffer {
  // Written into one buffer: the text may be megabytes, and is not joined first.
  const [headBytes, restBytes] = [Buffer.byteLength(head), Buffer.byteLength(rest)];
  const content = headBytes + restBytes;
  const line = Buffer.allocUnsafe(content + SEAL_BYTES + 1);
  line.write(head, 0);
  line.write(rest, headBytes);
  line.write(`${sealOf([line.subarray(0, content)])}\n`, content, 'latin1');
  return line;
}

/** Returns true for a sealed object, without its line end, that is what was written. */
export function isWhole(line: Buffer): boolean {
  const content = line.length - SEAL_BYTES;
  if (content < 0) return false;
  const seal = line.toString('latin1', content);
  return SEAL.test(seal) && seal === sealOf([line.subarray(0, content)]);
}
