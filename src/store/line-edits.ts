import type { ItemId } from '../batch/items.js';

/** The beginning of an output line: its id comes first. */
const ID = /^\{"id":(?:"(?:[^"\\]|\\.)*"|[^",}]+)/;

/** Bytes of a line in which its id ends, as a rule. */
const HEAD_BYTES = 1024;

/** Returns an output line with another id, all else as it was written. */
export function withId(line: Buffer, id: ItemId): Buffer {
  const wanted = Buffer.from(`{"id":${JSON.stringify(id)},`);
  // Mostly it is the same.
  if (line.subarray(0, wanted.length).equals(wanted)) return line;
  const head = ID.exec(line.toString('latin1', 0, HEAD_BYTES)) ?? ID.exec(line.toString('latin1'));
  if (head === null) throw new SyntaxError('an output line does not begin with its id');
  return Buffer.concat([wanted.subarray(0, -1), line.subarray(head[0].length)]);
}

/** The first of the fields that `--detail` adds to the end of an answer's line. */
const DETAILS = ',"prompt_tokens":';

/** Returns an answer's line without the facts that `--detail` adds. */
export function withoutDetails(line: Buffer): Buffer {
  const at = line.lastIndexOf(DETAILS);
  return at < 0 ? line : Buffer.concat([line.subarray(0, at), Buffer.from('}')]);
}
