import type { ItemId } from '../batch/items.js';
import { describeProblem, InputError } from './errors.js';
import type { ItemOffset } from './offsets.js';
import { parseLine } from './parse-line.js';

/** An item of the input, whole. */
export interface InputItem {
  /** 0-based index in the run. */
  readonly item: number;
  /** 1-based number of its line. */
  readonly line: number;
  /** Its own id, else its line number. */
  readonly id: ItemId;
  readonly prompt: string;
  readonly attachment?: string;
}

/** Reads the bytes `[start, end)` of the input; fewer only at its end. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** Bytes between two wanted lines that are read along rather than to ask twice. */
const MAX_GAP = 64 * 1024;
/** Bytes of one read, unless a single line is longer. */
const MAX_READ = 8 * 1024 * 1024;

/**
 * Reads items back from the input, in the order of `wanted`, which rises. Lines that lie close together come by one
 * read; memory is one read. Throws {@link InputError} `CHANGED` for a line that is no longer the one that was checked,
 * and what `readRange` throws.
 */
export async function* readItems(
  readRange: ReadRange,
  wanted: readonly ItemOffset[],
  name = 'the input',
): AsyncGenerator<InputItem, void, undefined> {
  for (const group of groupOffsets(wanted)) {
    const bytes = await readRange(group.start, group.end);
    for (const offset of group.offsets) {
      const from = offset.start - group.start;
      yield readItem(bytes.subarray(from, from + offset.bytes), offset, name);
    }
  }
}

interface Group {
  readonly start: number;
  end: number;
  readonly offsets: ItemOffset[];
}

function groupOffsets(wanted: readonly ItemOffset[]): Group[] {
  const groups: Group[] = [];
  for (const offset of wanted) {
    const end = offset.start + offset.bytes;
    const group = groups.at(-1);
    const near = group !== undefined && offset.start >= group.end && offset.start - group.end <= MAX_GAP;
    if (near && end - group.start <= MAX_READ) {
      group.offsets.push(offset);
      group.end = end;
    } else {
      groups.push({ start: offset.start, end, offsets: [offset] });
    }
  }
  return groups;
}

function readItem(bytes: Uint8Array, { item, line, bytes: length }: ItemOffset, name: string): InputItem {
  if (bytes.byteLength < length) throw changed(name, line, 'the file is shorter');
  const parsed = parseLine(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!parsed.ok) throw changed(name, line, parsed.problems.map(describeProblem).join('; '));
  const { prompt, id = line, attachment } = parsed.value;
  return { item, line, id, prompt, ...(attachment === undefined ? {} : { attachment }) };
}

function changed(name: string, line: number, how: string): InputError {
  return new InputError('CHANGED', name, `${name}:${line}: the line has changed since it was checked: ${how}`);
}
